import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { contentDisposition } from '@spacestore/core';
import type { Connection } from './connection.ts';
import { type Headers, withHeaders } from './requests.ts';

export interface PutToSign {
  readonly sizeBytes: number;
  readonly expiresInMs: number;
  readonly contentType?: string | undefined;
  readonly metadata?: Headers;
  /** How the sha256 (lower-case hex) is bound, if it is. */
  readonly signedHash?: 'payload' | 'checksum' | undefined;
  readonly sha256?: string;
}

export interface SignedUrl {
  readonly url: string;
  readonly headers: Headers;
}

/** A URL for one PUT: every header that matters is signed, the length among them. */
export async function signPut(connection: Connection, path: string, put: PutToSign): Promise<SignedUrl> {
  const { signer, bucket, making } = connection;
  const { sizeBytes, expiresInMs, contentType, metadata = {}, signedHash, sha256 = '' } = put;
  const headers: Record<string, string> = {
    ...(contentType !== undefined && { 'content-type': contentType }),
    ...(making.StorageClass !== undefined && { 'x-amz-storage-class': making.StorageClass }),
    ...(making.ServerSideEncryption !== undefined && { 'x-amz-server-side-encryption': making.ServerSideEncryption }),
    ...(making.SSEKMSKeyId !== undefined && { 'x-amz-server-side-encryption-aws-kms-key-id': making.SSEKMSKeyId }),
    ...Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`x-amz-meta-${name}`, value])),
    ...(signedHash === 'payload' && { 'x-amz-content-sha256': sha256 }),
    ...(signedHash === 'checksum' && { 'x-amz-checksum-sha256': Buffer.from(sha256, 'hex').toString('base64') }),
  };
  const command = withHeaders(new PutObjectCommand({ Bucket: bucket, Key: path, ContentLength: sizeBytes }), headers);
  const names = new Set(Object.keys(headers));
  const url = await getSignedUrl(signer, command, {
    expiresIn: Math.floor(expiresInMs / 1000),
    unhoistableHeaders: names,
    signableHeaders: new Set([...names, 'host', 'content-length']),
  });
  return { url, headers };
}

/** A URL for one GET; a browser saves what it gets. */
export function signGet(connection: Connection, path: string, expiresInMs: number, downloadName: string | undefined): Promise<string> {
  const { signer, bucket } = connection;
  const ResponseContentDisposition = contentDisposition(downloadName);
  return getSignedUrl(signer, new GetObjectCommand({ Bucket: bucket, Key: path, ResponseContentDisposition }), {
    expiresIn: Math.floor(expiresInMs / 1000),
  });
}
