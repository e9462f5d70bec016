export { type MemoryBlobOptions, type MemoryBlobPlace, memoryBlobPlace, memoryBlobStore } from './blob-store.ts';
export { type MemorySecretOptions, type MemorySecretPlace, memorySecretPlace, memorySecretStore } from './secret-store.ts';
export { type MemoryTransport, type MemoryTransportOptions, memoryTransport } from './transport.ts';
