import {
  type BlobContent,
  type BlobInfo,
  type BlobKey,
  type BlobRoot,
  type BlobStore,
  type ByteRange,
  createLifetime,
  eachItem,
  hasCode,
  parseBlobKey,
  parseBlobRoot,
  StoreError,
  verifiedBody,
  type WorkspaceId,
} from '@spacestore/core';
import { type HttpClient, segment } from './http.ts';
import { upload } from './upload.ts';
import type { WorkspaceAccess } from './workspace-access.ts';

interface EntryJson {
  readonly kind: string;
  readonly id: string;
  readonly sizeBytes: number;
  readonly createdAt: number;
  readonly mimeType?: string;
  readonly version?: string;
  readonly sha256?: string;
}

/** A server's files as a BlobStore. `workspaceOf` says whose files lie under a root. */
export function remoteBlobStore(
  http: HttpClient,
  access: WorkspaceAccess,
  workspaceOf: (root: BlobRoot) => WorkspaceId,
  maxBlobBytes: number,
): BlobStore {
  const lifetime = createLifetime();
  const folder = (root: BlobRoot): string => `/workspaces/${segment(workspaceOf(parseBlobRoot(root)))}/files`;
  const file = (root: BlobRoot, key: BlobKey): string => `${folder(root)}/${parseBlobKey(key)}`;

  /** Absent only where the server names the key as missing. */
  const orAbsent = async <Result>(root: BlobRoot, key: BlobKey, work: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (hasCode(error, 'not_found') && error.context.key === key) return undefined;
      return access.read<undefined>(
        workspaceOf(root),
        () => Promise.reject(error),
        () => undefined,
      );
    }
  };
  /** A HEAD can't name what is missing: the metadata are asked first. */
  const headOf = async (root: BlobRoot, key: BlobKey, signal: { readonly signal?: AbortSignal } | undefined): Promise<BlobInfo> => {
    await http.json({ method: 'GET', path: `${file(root, key)}/metadata` }, signal);
    return infoOf(key, await http.call({ method: 'HEAD', path: file(root, key) }, signal));
  };

  const store: BlobStore = {
    contractVersion: 1,
    capabilities: { durable: 'none', multiHandle: true, multiProcess: true, contentType: true, presign: false, maxBlobBytes },

    put: (root, key, source, options = {}, call) =>
      lifetime.run(call, async () => {
        const path = file(root, key);
        const headers = {
          ...(options.contentType !== undefined && { 'content-type': options.contentType }),
          ...(options.ifMatch !== undefined && { 'if-match': entityTag(options.ifMatch) }),
          ...(options.ifNoneMatch !== undefined && { 'if-none-match': '*' }),
        };
        const json = (await access.change(workspaceOf(root), () =>
          upload(source, maxBlobBytes, call, (body) => http.json({ method: 'PUT', path, body, headers })),
        )) as EntryJson;
        if (json.version === undefined || json.sha256 === undefined) throw new StoreError('unavailable', 'the answer lacks the version');
        return {
          key,
          sizeBytes: json.sizeBytes,
          sha256: json.sha256,
          version: json.version,
          modifiedAt: json.createdAt,
          ...contentTypeOf(options.contentType),
        };
      }),

    get: (root, key, options = {}, call) =>
      lifetime.run(call, () =>
        orAbsent(root, key, async (): Promise<BlobContent> => {
          const { range } = options;
          const headers = range === undefined ? {} : { range: rangeHeader(range) };
          try {
            const response = await http.call({ method: 'GET', path: file(root, key), headers }, call);
            return contentOf(key, response);
          } catch (error) {
            // The server answers a range beyond the end with 416; here it is an empty content.
            if (range === undefined || !hasCode(error, 'unavailable') || error.context.status !== 416) throw error;
            const info = await headOf(root, key, call);
            return { info, offset: info.sizeBytes, sizeBytes: 0, body: nothing() };
          }
        }),
      ),

    head: (root, key, call) => lifetime.run(call, () => orAbsent(root, key, () => headOf(root, key, call))),

    list: (root, query, call) =>
      lifetime.run(call, async () => {
        const { kind, after, limit } = query;
        const ask = () =>
          http.json({ method: 'GET', path: folder(root), query: { kind, after, limit } }, call) as Promise<{
            items: readonly EntryJson[];
            next?: { after?: string };
          }>;
        const { items, next } = await access.read(workspaceOf(root), ask, () => ({ items: [] }), call);
        return {
          items: items.map(({ kind: of, id, sizeBytes, createdAt }) => ({
            key: parseBlobKey(`${of}/${id}`),
            sizeBytes,
            modifiedAt: createdAt,
          })),
          ...(next?.after !== undefined && { next: { after: next.after, limit } }),
        };
      }),

    delete: (root, key, options = {}, call) =>
      lifetime.run(call, async () => {
        const headers = options.ifMatch === undefined ? {} : { 'if-match': entityTag(options.ifMatch) };
        await access.read<unknown>(
          workspaceOf(root),
          () => http.call({ method: 'DELETE', path: file(root, key), headers }),
          () => undefined,
        );
      }),

    presign: (_root, _key, _options, call) =>
      lifetime.run(call, async () => {
        throw new StoreError('unsupported', 'this server gives no presigned URLs');
      }),

    drop: (root, call) =>
      lifetime.run(call, async () => {
        for await (const { key } of eachItem((query) => store.list(root, query, call))) await store.delete(root, key, {}, call);
      }),

    close: () => lifetime.close(),
  };
  return store;
}

function entityTag(version: string): string {
  return `"${encodeURIComponent(version)}"`;
}

function rangeHeader(range: ByteRange): string {
  return 'suffix' in range ? `bytes=-${range.suffix}` : `bytes=${range.first}-${range.last ?? ''}`;
}

function contentOf(key: BlobKey, response: Response): BlobContent {
  const whole = infoOf(key, response);
  const place = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
  const stream = response.body as ReadableStream<Uint8Array> | null;
  if (response.status !== 206 || place === null) {
    return { info: whole, offset: 0, sizeBytes: whole.sizeBytes, body: verifiedBody(chunksOf(stream), whole) };
  }
  const [offset, last, sizeBytes] = place.slice(1).map(Number) as [number, number, number];
  const length = last - offset + 1;
  return { info: { ...whole, sizeBytes }, offset, sizeBytes: length, body: exactly(chunksOf(stream), length) };
}

function infoOf(key: BlobKey, { headers }: Response): BlobInfo {
  const tag = /^"(.*)"$/.exec(headers.get('etag') ?? '')?.[1];
  const sha256 = headers.get('x-content-sha256');
  const size = headers.get('content-length');
  const modified = Date.parse(headers.get('last-modified') ?? '');
  if (tag === undefined || sha256 === null || size === null || Number.isNaN(modified))
    throw new StoreError('unavailable', 'the answer does not describe the file');
  const type = contentTypeOf(headers.get('content-type') ?? undefined);
  return { key, sizeBytes: Number(size), sha256, version: decodeURIComponent(tag), modifiedAt: modified, ...type };
}

/** The server says `application/octet-stream` where nobody told it better. */
function contentTypeOf(type: string | undefined): { readonly contentType?: string } {
  return type === undefined || type === 'application/octet-stream' ? {} : { contentType: type };
}

async function* chunksOf(stream: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (stream === null) return;
  const reader = stream.getReader();
  let done = false;
  try {
    for (let next = await read(reader); !next.done; next = await read(reader)) yield next.value;
    done = true;
  } finally {
    if (!done) await reader.cancel().catch(() => undefined); // it failed already, or nobody reads on
  }
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>): ReturnType<typeof reader.read> {
  try {
    return await reader.read();
  } catch (cause) {
    throw new StoreError('unavailable', 'the connection broke while the file was read', { cause });
  }
}

async function* exactly(chunks: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of chunks) {
    seen += chunk.length;
    yield chunk;
  }
  if (seen !== length) throw new StoreError('unavailable', 'the answer ended early', { context: { expected: length, seen } });
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  yield* [];
}
