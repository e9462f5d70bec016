import { S3Client, type S3ClientConfig, type StorageClass } from '@aws-sdk/client-s3';
import { StoreError } from '@spacestore/core';
import type { S3BlobOptions, S3Encryption } from './options.ts';
import { rememberDates } from './requests.ts';

/** A bucket, and how to talk to it. */
export interface Connection {
  readonly bucket: string;
  readonly prefix: string;
  /** One try a request: whoever calls decides what a lost reply means. */
  readonly client: S3Client;
  /** For parts of large blobs alone, which are the same however often they are sent: tries again. */
  readonly patient: S3Client;
  /** Signs URLs for clients; sends nothing. */
  readonly signer: S3Client;
  /** Parameters of every request that makes an object. */
  readonly making: {
    readonly StorageClass?: StorageClass;
    readonly ServerSideEncryption?: 'AES256' | 'aws:kms';
    readonly SSEKMSKeyId?: string;
  };
  /** Parameters of every request that reads or writes bytes. */
  readonly keyed: { readonly SSECustomerAlgorithm?: string; readonly SSECustomerKey?: string };
  readonly close: () => void;
}

const prefixPattern = /^(?:[A-Za-z0-9_-]{1,128}\/){0,8}$/;
const partTries = 5;

const nothing = (): void => undefined;
/** Errors are thrown, with their cause; the SDK would write some to the console as well. */
const silent: NonNullable<S3ClientConfig['logger']> = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Opens nothing yet: the first request does. Throws: invalid. */
export function connect(options: S3BlobOptions): Connection {
  const {
    bucket,
    prefix = '',
    endpoint,
    publicEndpoint,
    pathStyle = endpoint !== undefined,
    credentials,
    storageClass,
    encryption,
  } = options;
  if (bucket === '') throw new StoreError('invalid', 'a bucket has a name');
  if (!prefixPattern.test(prefix)) throw new StoreError('invalid', 'a prefix is segments of letters, digits, _ and -, each ending with /');
  const region = options.region ?? (endpoint === undefined ? undefined : 'us-east-1');
  const config: S3ClientConfig = {
    forcePathStyle: pathStyle,
    maxAttempts: 1,
    // Every body is signed by its sha256, which proves more; and other stores than AWS refuse the trailers the default comes in.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    logger: silent,
    requestHandler: { connectionTimeout: 10_000, socketTimeout: 60_000 },
    ...(endpoint !== undefined && { endpoint }),
    ...(region !== undefined && { region }),
    // A copy: the SDK writes into what it is given.
    ...(credentials !== undefined && { credentials: typeof credentials === 'function' ? credentials : { ...credentials } }),
  };
  const client = new S3Client(config);
  const patient = new S3Client({ ...config, maxAttempts: partTries, requestHandler: client.config.requestHandler });
  const signer = new S3Client({ ...config, ...(publicEndpoint !== undefined && { endpoint: publicEndpoint }) });
  const clients = [client, patient, signer];
  rememberDates(client);
  return {
    bucket,
    prefix,
    client,
    patient,
    signer,
    making: { ...(storageClass !== undefined && { StorageClass: storageClass as StorageClass }), ...serverKey(encryption) },
    keyed: customerKey(encryption),
    close: () => {
      for (const each of clients) each.destroy();
    },
  };
}

function serverKey(encryption: S3Encryption | undefined): Connection['making'] {
  switch (encryption?.algorithm) {
    case undefined:
    case 'customer':
      return {};
    case 'AES256':
      return { ServerSideEncryption: 'AES256' };
    case 'aws:kms':
      return { ServerSideEncryption: 'aws:kms', ...(encryption.keyId !== undefined && { SSEKMSKeyId: encryption.keyId }) };
  }
}

function customerKey(encryption: S3Encryption | undefined): Connection['keyed'] {
  if (encryption?.algorithm !== 'customer') return {};
  if (encryption.key.length !== 32) throw new StoreError('invalid', 'a customer key has 32 bytes');
  return { SSECustomerAlgorithm: 'AES256', SSECustomerKey: Buffer.from(encryption.key).toString('base64') };
}
