import {
  type BlobContent,
  type BlobKey,
  type BlobRoot,
  type BlobStore,
  type ByteSource,
  type CallOptions,
  drainSource,
  parseWorkspaceId,
  StoreError,
  staticKey,
  verifiedBody,
  type WorkspaceId,
} from '@spacestore/core';
import { sendSource } from '#platform';
import { checkSecure } from '../endpoint.ts';
import { type HttpClient, segment } from './http.ts';
import { chunksOf } from './response-chunks.ts';

export interface DirectUploadOptions {
  readonly contentType?: string;
  readonly name?: string;
  /** Bytes that left so far, of how many. */
  readonly onProgress?: (sentBytes: number, sizeBytes: number) => void;
}

export interface DirectFile {
  readonly key: BlobKey;
  readonly sizeBytes: number;
  /** False if the workspace had it already, so that nothing was sent. */
  readonly sent: boolean;
}

/** Files by the shortest way: straight to and from the object store where the server has one that gives links, through the server otherwise. */
export interface DirectFiles {
  /** The file is in the workspace under the hash of its content, verified. The source is read twice; doing it again is harmless.
   *  Throws: too_large, quota, denied, not_found, unavailable (send it again), aborted; errors of the source as they are. */
  readonly upload: (workspace: WorkspaceId, source: ByteSource, options?: DirectUploadOptions, call?: CallOptions) => Promise<DirectFile>;
  /** The whole content, checked against its hash while it is read; undefined if there is no such file. */
  readonly download: (root: BlobRoot, key: BlobKey, call?: CallOptions) => Promise<BlobContent | undefined>;
  /** An address to give to a browser: it saves the file, under that name. Good for a few minutes, for whoever has it. */
  readonly downloadUrl: (workspace: WorkspaceId, key: BlobKey, name?: string, call?: CallOptions) => Promise<string>;
}

interface RequestJson {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly expiresAt: number;
}

interface FileJson {
  readonly sizeBytes: number;
}

export interface DirectFilesParts {
  readonly http: HttpClient;
  readonly blobs: BlobStore;
  readonly workspaceOf: (root: BlobRoot) => WorkspaceId;
  /** The server's address: links that are paths begin there. */
  readonly base: string;
  readonly insecure: boolean;
  readonly maxBytes: number;
}

/** Answers of an object store, or of the server, that say: these bytes are there already. */
const alreadyThere: ReadonlySet<number> = new Set([409, 412]);

export function directFiles({ http, blobs, workspaceOf, base, insecure, maxBytes }: DirectFilesParts): DirectFiles {
  const pathOf = (workspace: WorkspaceId, key: BlobKey): string => `/workspaces/${segment(parseWorkspaceId(workspace))}/files/${key}`;
  /** The token never goes there: the link is all it takes. */
  const addressOf = (url: string): string => {
    const address = url.startsWith('/') ? `${base}${url}` : url;
    const { origin } = new URL(address);
    checkSecure(origin, { insecure });
    return address;
  };
  const grantDownload = (workspace: WorkspaceId, key: BlobKey, name: string | undefined, call?: CallOptions): Promise<RequestJson> =>
    http.json(
      { method: 'POST', path: `${pathOf(workspace, key)}/download`, json: name === undefined ? {} : { name } },
      call,
    ) as Promise<RequestJson>;

  return {
    upload: async (workspace, source, { contentType, name, onProgress } = {}, call) => {
      const { sha256, sizeBytes } = await drainSource(source, { maxBytes, call }, () => undefined);
      const key = staticKey(sha256);
      const path = pathOf(workspace, key);
      const json = { sizeBytes, ...(contentType !== undefined && { mimeType: contentType }), ...(name !== undefined && { name }) };
      const granted = (await http.json({ method: 'POST', path: `${path}/upload`, json }, call)) as
        | { readonly file: FileJson }
        | { readonly file?: undefined; readonly request: RequestJson; readonly upload: string };
      if (granted.file) return { key, sizeBytes, sent: false };
      const { url, headers } = granted.request;
      const status = await sendSource({ url: addressOf(url), headers, source: { ...source, sizeBytes }, onProgress }, call);
      if ((status < 200 || status > 299) && !alreadyThere.has(status))
        throw new StoreError('unavailable', 'the bytes were not taken: send them again', { context: { status, key } });
      await http.json({ method: 'POST', path: `${path}/commit`, json: { upload: granted.upload } }, call);
      return { key, sizeBytes, sent: true };
    },

    download: async (root, key, call) => {
      const info = await blobs.head(root, key, call);
      if (!info) return undefined;
      const { url, headers } = await grantDownload(workspaceOf(root), key, undefined, call);
      const response = await fetch(addressOf(url), { headers, redirect: 'error', ...(call?.signal && { signal: call.signal }) }).catch(
        (cause: unknown) => {
          if (call?.signal?.aborted) throw new StoreError('aborted', 'aborted while waiting for the file', { cause });
          throw new StoreError('unavailable', 'the file could not be reached', { cause });
        },
      );
      if (!response.ok) {
        await response.body?.cancel();
        throw new StoreError('unavailable', 'the link to the file was refused: ask again', { context: { status: response.status, key } });
      }
      const body = verifiedBody(chunksOf(response.body as ReadableStream<Uint8Array> | null), info);
      return { info, offset: 0, sizeBytes: info.sizeBytes, body };
    },

    downloadUrl: async (workspace, key, name, call) => addressOf((await grantDownload(workspace, key, name, call)).url),
  };
}
