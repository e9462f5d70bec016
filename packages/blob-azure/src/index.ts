export { type AzureBlobOptions, azureBlobStore } from './blob-store.ts';
export type { AzureConnection } from './connect.ts';
