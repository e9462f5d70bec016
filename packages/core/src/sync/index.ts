export { newClientState, stepClient } from './client-session.ts';
export { wakeAt } from './client-session-link.ts';
export * from './client-session-status.ts';
export type * from './client-session-types.ts';
export * from './decode.ts';
export * from './encode.ts';
export * from './frame.ts';
export * from './messages.ts';
export { encodeRecordBlock, type IdCache, idCache } from './record-block.ts';
