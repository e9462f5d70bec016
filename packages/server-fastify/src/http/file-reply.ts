import { Readable } from 'node:stream';
import {
  type BlobContent,
  type BlobInfo,
  type BlobKey,
  type ByteRange,
  contentDisposition,
  type FileEntry,
  staticKey,
  varKey,
} from '@spacestore/core';
import type { FastifyReply } from 'fastify';
import Type, { type TLiteral, type TObject, type TSchema, type TString, type TUnion } from 'typebox';
import { entityTag } from './entity-tag.ts';

export const Kind: TUnion<[TLiteral<'static'>, TLiteral<'var'>]> = Type.Union([Type.Literal('static'), Type.Literal('var')]);
export const FileParams: TObject<{ workspace: TString; kind: typeof Kind; id: TString }> = Type.Object({
  workspace: Type.String(),
  kind: Kind,
  id: Type.String({ description: 'sha256 in hex for static, a uuid for var' }),
});
export const FileName: TString = Type.String({ minLength: 1, maxLength: 255, pattern: '^[^\\u0000-\\u001f\\u007f/\\\\]*$' });
export const MimeType: TString = Type.String({ minLength: 1, maxLength: 255, pattern: '^[\\x20-\\x7e]+$' });
export const Entry: TSchema = Type.Object({
  kind: Kind,
  id: Type.String(),
  sizeBytes: Type.Integer(),
  createdAt: Type.Integer(),
  mimeType: Type.Optional(Type.String()),
  name: Type.Optional(Type.String()),
});

export function keyOf({ kind, id }: { kind: 'static' | 'var'; id: string }): BlobKey {
  return kind === 'static' ? staticKey(id) : varKey(id);
}

export function entryJson({ key, sizeBytes, createdAt, mimeType, name }: FileEntry, info?: BlobInfo): object {
  const [kind, id] = key.split('/');
  const version = info && { version: info.version, sha256: info.sha256 };
  return { kind, id, sizeBytes, createdAt, ...(mimeType !== undefined && { mimeType }), ...(name !== undefined && { name }), ...version };
}

/** A browser must never run what a member uploaded: it is a download, of the type that was said and no other. */
export function describeFile(reply: FastifyReply, entry: FileEntry, info: BlobInfo): void {
  void reply.headers({
    etag: entityTag(info.version),
    'accept-ranges': 'bytes',
    'content-type': entry.mimeType ?? 'application/octet-stream',
    'content-disposition': contentDisposition(entry.name),
    'content-security-policy': "default-src 'none'; sandbox",
    'x-content-type-options': 'nosniff',
    'cache-control': 'private, no-cache',
    'x-content-sha256': info.sha256,
    'last-modified': new Date(info.modifiedAt).toUTCString(),
  });
}

/** Streams a file, or the part of it that a Range header asked for; 416 where there is nothing of that part. */
export async function sendContent(
  reply: FastifyReply,
  entry: FileEntry,
  { info, offset, sizeBytes, body }: BlobContent,
  range: ByteRange | undefined,
): Promise<FastifyReply> {
  describeFile(reply, entry, info);
  if (range && sizeBytes === 0) {
    await body[Symbol.asyncIterator]().return?.();
    void reply.header('content-range', `bytes */${info.sizeBytes}`).removeHeader('content-disposition');
    return reply.code(416).type('application/json; charset=utf-8').send(unsatisfiable(info.sizeBytes));
  }
  if (range) void reply.code(206).header('content-range', `bytes ${offset}-${offset + sizeBytes - 1}/${info.sizeBytes}`);
  void reply.header('content-length', sizeBytes);
  return reply.send(Readable.from(body, { objectMode: false }));
}

function unsatisfiable(sizeBytes: number): object {
  return { error: { code: 'invalid', message: 'the range lies beyond the end of the file', context: { sizeBytes } } };
}
