export { type MemoryBlobOptions, type MemoryBlobPlace, memoryBlobPlace, memoryBlobStore } from './blob-store.ts';
export { type MemoryHintPlace, memoryChangeHints, memoryHintPlace } from './change-hints.ts';
export { type MemoryDirectoryOptions, memoryDirectory } from './directory.ts';
export { type MemoryDirectoryPlace, memoryDirectoryPlace } from './directory-state.ts';
export { type MemoryFilePlace, memoryFileIndex, memoryFilePlace } from './file-index.ts';
export { type MemoryOpOptions, type MemoryOpPlace, memoryOpPlace, memoryOpStore } from './op-store.ts';
export { type MemoryOutboxOptions, type MemoryOutboxPlace, memoryOutbox, memoryOutboxPlace } from './outbox.ts';
export { type MemorySecretOptions, type MemorySecretPlace, memorySecretPlace, memorySecretStore } from './secret-store.ts';
export { type MemoryTransport, type MemoryTransportOptions, memoryTransport } from './transport.ts';
