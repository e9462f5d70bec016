export { spacestoreAdapter } from './adapter.ts';
export { s3BlobStore } from './blob-store.ts';
export type { S3BlobOptions, S3Credentials, S3Encryption } from './options.ts';
