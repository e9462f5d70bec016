export { type ClientOptions, createClient, type SpacestoreClient } from './client.ts';
export type { RecordHandler } from './delivery-line.ts';
export { type Endpoint, parseEndpoint } from './endpoint.ts';
export type { PresentClient } from './presence-board.ts';
export type { Quarantine } from './quarantine.ts';
export { type WebSocketTransportOptions, webSocketTransport } from './web-socket-transport.ts';
export type { HistoryChanged, PeersLost, Presence, WorkspaceHandle, WorkspaceOptions } from './workspace-handle.ts';
export type { Readable, WorkspaceStatus } from './workspace-status.ts';
