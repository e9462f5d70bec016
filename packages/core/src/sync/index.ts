export { newClientState, stepClient } from './client-session.ts';
export { wakeAt } from './client-session-link.ts';
export * from './client-session-status.ts';
export type * from './client-session-types.ts';
export * from './messages.ts';
