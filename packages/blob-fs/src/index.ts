export { type FolderBlobOptions, folderBlobStore } from './blob-store.ts';
