import {
  type BlobContent,
  type BlobInfo,
  type BlobKey,
  type BlobRoot,
  type BlobStore,
  type ByteRange,
  checkPutOptions,
  checkRange,
  createLifetime,
  eachItem,
  hasCode,
  parseBlobKey,
  parseBlobRoot,
  parseLimit,
  StoreError,
  verifiedBody,
  type WorkspaceId,
} from '@spacestore/core';
import { type HttpClient, segment } from './http.ts';
import { chunksOf } from './response-chunks.ts';
import { type Body, upload } from './upload.ts';
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
  const ownerOf = (root: BlobRoot): WorkspaceId => workspaceOf(parseBlobRoot(root));
  const folder = (root: BlobRoot): string => `/workspaces/${segment(ownerOf(root))}/files`;
  const file = (root: BlobRoot, key: BlobKey): string => `${folder(root)}/${parseBlobKey(key)}`;

  /** Absent only where the server names the key as missing. */
  const orAbsent = async <Result>(root: BlobRoot, key: BlobKey, work: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await work();
    } catch (error) {
      if (hasCode(error, 'not_found') && error.context.key === key) return undefined;
      return access.read<undefined>(
        ownerOf(root),
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
    // HTTP keeps types of the form `type/subtype` alone: that is less than the capability promises.
    capabilities: {
      durable: 'none',
      multiHandle: true,
      multiProcess: true,
      contentType: false,
      presign: false,
      boundUploads: false,
      maxUploadBytes: 0,
      maxBlobBytes,
    },

    put: (root, key, source, options = {}, call) =>
      lifetime.run(call, async () => {
        const path = file(root, key);
        checkPutOptions(options);
        const headers = {
          ...contentTypeHeader(options.contentType),
          ...(options.ifMatch !== undefined && { 'if-match': entityTag(options.ifMatch) }),
          ...(options.ifNoneMatch !== undefined && { 'if-none-match': '*' }),
        };
        await access.ensure(ownerOf(root), call);
        const send = (body: Body) => http.json({ method: 'PUT', path, body, headers });
        const json = (await upload(source, maxBlobBytes, call, send)) as EntryJson;
        if (json.version === undefined || json.sha256 === undefined) throw new StoreError('unavailable', 'the answer lacks the version');
        return {
          key,
          sizeBytes: json.sizeBytes,
          sha256: json.sha256,
          version: json.version,
          modifiedAt: json.createdAt,
          ...contentTypeOf(json.mimeType),
        };
      }),

    get: (root, key, options = {}, call) =>
      lifetime.run(call, () =>
        orAbsent(root, key, async (): Promise<BlobContent> => {
          const { range } = options;
          checkRange(range);
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
        const { kind, after } = query;
        const limit = parseLimit(query.limit);
        const path = folder(root);
        const ask = () =>
          http.json({ method: 'GET', path, query: { kind, after, limit } }, call) as Promise<{
            items: readonly EntryJson[];
            next?: { after?: string };
          }>;
        const { items, next } = await access.read(ownerOf(root), ask, () => ({ items: [] }), call);
        return {
          items: items.map(({ kind: of, id, sizeBytes, createdAt }) => ({
            key: parseBlobKey(`${of}/${id}`),
            sizeBytes,
            modifiedAt: createdAt,
          })),
          ...(next?.after !== undefined && { next: { after: next.after, limit, ...(kind !== undefined && { kind }) } }),
        };
      }),

    delete: (root, key, options = {}, call) =>
      lifetime.run(call, async () => {
        const path = file(root, key);
        const headers = options.ifMatch === undefined ? {} : { 'if-match': entityTag(options.ifMatch) };
        await access.read<unknown>(
          ownerOf(root),
          () => http.call({ method: 'DELETE', path, headers }),
          () => undefined,
        );
      }),

    presign: (_root, _key, _options, call) =>
      lifetime.run(call, async () => {
        throw new StoreError('unsupported', 'this server gives no presigned URLs');
      }),

    commit: (_root, _key, _upload, call) =>
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

/** No blob is larger; a header with more digits is not understood, and answered with the whole. */
const farthest = 999_999_999_999_999;

function rangeHeader(range: ByteRange): string {
  if ('suffix' in range) return `bytes=-${Math.min(range.suffix, farthest)}`;
  return `bytes=${Math.min(range.first, farthest)}-${range.last === undefined ? '' : Math.min(range.last, farthest)}`;
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

const mediaType = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:;[\x20-\x7e]*)?$/;

function contentTypeHeader(type: string | undefined): Readonly<Record<string, string>> {
  return type !== undefined && mediaType.test(type) ? { 'content-type': type } : {};
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
