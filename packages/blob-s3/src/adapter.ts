import { type BlobStore, parseBlobRoot, StoreError } from '@spacestore/core';
import { s3BlobStore } from './blob-store.ts';
import type { S3BlobOptions, S3Credentials, S3Encryption } from './options.ts';

type Options = Readonly<Record<string, unknown>>;

/** Lets a server's configuration name this package: options as a file can say them. */
export const spacestoreAdapter: {
  readonly contractVersion: 1;
  readonly open: (options: Options) => Promise<{ readonly blobs: BlobStore; readonly ready: () => Promise<void> }>;
} = {
  contractVersion: 1,
  open: async (options) => {
    const blobs = await s3BlobStore(parseOptions(options));
    return {
      blobs,
      ready: async () => {
        await blobs.list(parseBlobRoot('ready'), { limit: 1 });
      },
    };
  },
};

const types: Readonly<Record<string, 'string' | 'boolean' | 'number' | 'object'>> = {
  bucket: 'string',
  endpoint: 'string',
  publicEndpoint: 'string',
  region: 'string',
  credentials: 'object',
  pathStyle: 'boolean',
  prefix: 'string',
  encryption: 'object',
  storageClass: 'string',
  partBytes: 'number',
  staleAfterMs: 'number',
};

/** Throws: invalid, naming the option: one that is misspelt must not be one silently left out. Values are never told. */
export function parseOptions(options: Options): S3BlobOptions {
  for (const [name, value] of Object.entries(options))
    if (types[name] === undefined || typeof value !== types[name] || value === null) throw wrong(name);
  if (options.bucket === undefined) throw wrong('bucket');
  const { credentials, encryption, ...plain } = options;
  return {
    ...(plain as unknown as S3BlobOptions),
    ...(credentials !== undefined && { credentials: parseCredentials(credentials as Options) }),
    ...(encryption !== undefined && { encryption: parseEncryption(encryption as Options) }),
  };
}

function parseCredentials(options: Options): S3Credentials {
  const { accessKeyId, secretAccessKey, sessionToken, ...unknown } = options;
  if (typeof accessKeyId !== 'string' || typeof secretAccessKey !== 'string' || Object.keys(unknown).length > 0) throw wrong('credentials');
  if (sessionToken === undefined) return { accessKeyId, secretAccessKey };
  if (typeof sessionToken !== 'string') throw wrong('credentials');
  return { accessKeyId, secretAccessKey, sessionToken };
}

function parseEncryption({ algorithm, keyId, key, ...unknown }: Options): S3Encryption {
  if (Object.keys(unknown).length === 0) {
    if (algorithm === 'AES256' && keyId === undefined && key === undefined) return { algorithm };
    if (algorithm === 'aws:kms' && key === undefined) {
      if (keyId === undefined) return { algorithm };
      if (typeof keyId === 'string') return { algorithm, keyId };
    }
    if (algorithm === 'customer' && keyId === undefined && typeof key === 'string') return { algorithm, key: Buffer.from(key, 'base64') };
  }
  throw wrong('encryption');
}

function wrong(name: string): StoreError {
  return new StoreError('invalid', `config: @spacestore/blob-s3: option ${name} is missing, not known or not of its type`);
}
