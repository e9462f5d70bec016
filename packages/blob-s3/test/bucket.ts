import { randomUUID } from 'node:crypto';
import {
  CreateBucketCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { S3BlobOptions } from '@spacestore/blob-s3';
import type { Gateway } from './gateway.ts';

/** A bucket looked at behind the store's back, with the SDK alone. */
export interface Bucket {
  readonly client: S3Client;
  /** Names of objects below the prefix, without it. */
  readonly names: () => Promise<readonly string[]>;
  readonly read: (name: string) => Promise<Uint8Array>;
  /** Other bytes in the same object: whatever was told of it stays. */
  readonly overwrite: (name: string, bytes: Uint8Array) => Promise<void>;
}

export type BucketPlace = Pick<S3BlobOptions, 'endpoint' | 'bucket' | 'prefix'> & {
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
};

export const clientOf = ({ endpoint = '', credentials }: Pick<BucketPlace, 'endpoint' | 'credentials'>): S3Client =>
  new S3Client({
    endpoint,
    credentials: { ...credentials }, // the SDK writes into it
    region: 'us-east-1',
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });

const bucketName = 'spacestore-tests';

/** A place nobody else uses, in a bucket that is made if need be. */
export async function newPlace({ endpoint, credentials: { accessKeyId, secretAccessKey } }: Gateway): Promise<BucketPlace> {
  const place = { endpoint, credentials: { accessKeyId, secretAccessKey }, bucket: bucketName, prefix: `${randomUUID()}/` };
  const client = clientOf(place);
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucketName }));
  } catch (error) {
    if ((error as Error).name !== 'BucketAlreadyOwnedByYou' && (error as Error).name !== 'BucketAlreadyExists') throw error;
  } finally {
    client.destroy();
  }
  return place;
}

export function bucketAt(place: BucketPlace): Bucket {
  const client = clientOf(place);
  const { bucket: Bucket, prefix = '' } = place;
  return {
    client,
    names: async () => {
      const names: string[] = [];
      let ContinuationToken: string | undefined;
      do {
        const page = await client.send(new ListObjectsV2Command({ Bucket, Prefix: prefix, ContinuationToken }));
        names.push(...(page.Contents ?? []).map(({ Key = '' }) => Key.slice(prefix.length)));
        ContinuationToken = page.NextContinuationToken;
      } while (ContinuationToken !== undefined);
      return names;
    },
    read: async (name) => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key: prefix + name }));
      return (await Body?.transformToByteArray()) ?? new Uint8Array();
    },
    overwrite: async (name, bytes) => {
      const { Metadata, ContentType } = await client.send(new HeadObjectCommand({ Bucket, Key: prefix + name }));
      await client.send(new PutObjectCommand({ Bucket, Key: prefix + name, Body: bytes, Metadata, ContentType }));
    },
  };
}
