import { Readable } from 'node:stream';
import type { BlobKey, ByteSource } from '@spacestore/core';

/** What a client of S3 is asked to do, whoever wrote it. Each as its own documentation shows it, with streams where it has them. */
export interface S3Driver {
  readonly put: (key: BlobKey, source: ByteSource) => Promise<void>;
  /** Reads all of it and tells how many bytes that were. */
  readonly get: (key: BlobKey) => Promise<number>;
  readonly close: () => Promise<void> | void;
}

export interface S3At {
  readonly endpoint: string;
  readonly bucket: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export const s3DriverNames = ['spacestore', 'SDK', 'flydrive', 'unstorage', 'opendal'] as const;
export type S3DriverName = (typeof s3DriverNames)[number];

const region = 'us-east-1';
/** Beyond this a source is streamed where the library can. */
const wholeBytes = 8 * 2 ** 20;

const isLarge = (source: ByteSource): boolean => (source.sizeBytes ?? 0) > wholeBytes;

async function whole(source: ByteSource): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.open()) chunks.push(chunk.slice());
  return Buffer.concat(chunks);
}

async function count(stream: AsyncIterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  for await (const chunk of stream) bytes += chunk.length;
  return bytes;
}

const streamOf = (source: ByteSource): Readable => Readable.from(source.open(), { objectMode: false });

/** Loads one library alone, so that a process that measures memory holds no other. */
export async function openS3Driver(name: S3DriverName, at: S3At): Promise<S3Driver> {
  switch (name) {
    case 'spacestore':
      return spacestore(at);
    case 'SDK':
      return sdk(at);
    case 'flydrive':
      return flydrive(at);
    case 'unstorage':
      return unstorage(at);
    case 'opendal':
      return opendal(at);
  }
}

async function spacestore({ endpoint, bucket, credentials }: S3At): Promise<S3Driver> {
  const { s3BlobStore } = await import('@spacestore/blob-s3');
  const { parseBlobRoot } = await import('@spacestore/core');
  const root = parseBlobRoot('owner/bench');
  const store = await s3BlobStore({ endpoint, bucket, credentials });
  return {
    put: async (key, source) => {
      await store.put(root, key, source);
    },
    get: async (key) => count((await store.get(root, key))?.body ?? Readable.from([])),
    close: store.close,
  };
}

/** The SDK by hand: one request, or the `Upload` of its lib-storage. Checks nothing. */
async function sdk({ endpoint, bucket: Bucket, credentials }: S3At): Promise<S3Driver> {
  const { S3Client, PutObjectCommand, GetObjectCommand } = await import('@aws-sdk/client-s3');
  const { Upload } = await import('@aws-sdk/lib-storage');
  const client = new S3Client({
    endpoint,
    region,
    credentials: { ...credentials },
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  });
  return {
    put: async (key, source) => {
      const params = { Bucket, Key: `sdk/${key}` };
      if (isLarge(source)) await new Upload({ client, params: { ...params, Body: streamOf(source) } }).done();
      else await client.send(new PutObjectCommand({ ...params, Body: await whole(source) }));
    },
    get: async (key) => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: `sdk/${key}` }));
      return count(Body as Readable);
    },
    close: () => client.destroy(),
  };
}

async function flydrive({ endpoint, bucket, credentials }: S3At): Promise<S3Driver> {
  const { Disk } = await import('flydrive');
  const { S3Driver: Driver } = await import('flydrive/drivers/s3');
  const client = {
    endpoint,
    region,
    credentials: { ...credentials },
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
  } as const;
  const disk = new Disk(new Driver({ ...client, bucket, visibility: 'private' }));
  return {
    put: async (key, source) => {
      if (isLarge(source)) await disk.putStream(`flydrive/${key}`, streamOf(source), { contentLength: source.sizeBytes ?? 0 });
      else await disk.put(`flydrive/${key}`, await whole(source));
    },
    get: async (key) => count(await disk.getStream(`flydrive/${key}`)),
    close: () => undefined,
  };
}

/** Knows whole values alone. */
async function unstorage({ endpoint, bucket, credentials }: S3At): Promise<S3Driver> {
  const { createStorage } = await import('unstorage');
  const { default: driver } = await import('unstorage/drivers/s3');
  const storage = createStorage({ driver: driver({ endpoint, bucket, region, ...credentials }) });
  const name = (key: BlobKey): string => `unstorage:${key.replace('/', ':')}`;
  return {
    put: async (key, source) => storage.setItemRaw(name(key), await whole(source)),
    get: async (key) => {
      const value = (await storage.getItemRaw<ArrayBuffer | Uint8Array>(name(key))) ?? new Uint8Array();
      return value.byteLength;
    },
    close: () => storage.dispose(),
  };
}

async function opendal({ endpoint, bucket, credentials }: S3At): Promise<S3Driver> {
  const { Operator } = await import('opendal');
  const op = new Operator('s3', {
    endpoint,
    bucket,
    region,
    access_key_id: credentials.accessKeyId,
    secret_access_key: credentials.secretAccessKey,
    disable_config_load: 'true',
    disable_ec2_metadata: 'true',
  });
  return {
    put: async (key, source) => {
      if (!isLarge(source)) return void (await op.write(`opendal/${key}`, await whole(source)));
      const writer = await op.writer(`opendal/${key}`, { chunk: BigInt(wholeBytes) });
      for await (const chunk of source.open()) await writer.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length));
      await writer.close();
    },
    get: async (key) => {
      const { contentLength } = await op.stat(`opendal/${key}`);
      if (Number(contentLength) <= wholeBytes) return (await op.read(`opendal/${key}`)).length;
      const reader = await op.reader(`opendal/${key}`);
      return count(reader.createReadStream());
    },
    close: () => undefined,
  };
}
