import type { BlobKey, BlobRoot } from '../blob-key.ts';
import type { CallOptions } from '../call.ts';
import type { Page } from '../paging.ts';

/** Bytes that can be read from the start more than once, so that a retry is safe. */
export interface ByteSource {
  /** Length in bytes where it is known beforehand; the stream must then have exactly that many. */
  readonly sizeBytes?: number;
  readonly open: () => AsyncIterable<Uint8Array>;
}

export interface BlobInfo {
  readonly key: BlobKey;
  readonly sizeBytes: number;
  /** Lower-case hex sha256 of the content. */
  readonly sha256: string;
  /** Belongs to the content: equal content may have an equal version. Opaque. */
  readonly version: string;
  readonly contentType?: string;
  /** Milliseconds since 1970. */
  readonly modifiedAt: number;
}

export interface PutOptions {
  /** Kept where the capability `contentType` says so, ignored otherwise. ASCII without control characters, at most 255. */
  readonly contentType?: string;
  /** Only over this version: anything else is `conflict` (context.version has the present one, absent if there is no blob). */
  readonly ifMatch?: string;
  /** Only if there is no blob: otherwise `conflict`. */
  readonly ifNoneMatch?: '*';
}

/** Inclusive offsets, as in HTTP: `{ first }` to the end, `{ first, last }`, or `{ suffix }` for the last bytes. A range beyond the end is cut; one that starts beyond it is empty. */
export type ByteRange = { readonly first: number; readonly last?: number } | { readonly suffix: number };

export interface BlobContent {
  readonly info: BlobInfo;
  /** The place of `body` in the blob: offset of its first byte and its length. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** Read once. Fails with `corrupt` instead of ending short or with other bytes than were put. Leaving it early frees what it holds. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface BlobListQuery {
  /** Only one kind of key. */
  readonly kind?: 'static' | 'var';
  readonly after?: string;
  readonly limit: number;
}

/** One entry of a listing: cheap facts alone. */
export interface BlobEntry {
  readonly key: BlobKey;
  readonly sizeBytes: number;
  readonly modifiedAt: number;
}

/** What a URL is to allow, and for how long: whole seconds are kept, 1 second to 7 days. */
export type PresignOptions =
  | {
      readonly method: 'GET';
      readonly expiresInMs: number;
      /** The name a browser saves the download under; without one it is still a download. */
      readonly downloadName?: string;
    }
  | {
      readonly method: 'PUT';
      readonly expiresInMs: number;
      /** The exact length of what is sent, at most the capability `maxUploadBytes`. */
      readonly sizeBytes: number;
      /** As of `put`. */
      readonly contentType?: string;
    };

export interface PresignedRequest {
  readonly url: string;
  readonly method: 'GET' | 'PUT';
  /** Headers the request must carry, as they are. */
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since 1970; the URL may be refused a little earlier. */
  readonly expiresAt: number;
  /** For PUT: what `commit` wants to be told. Good for this root and key alone; opaque, at most 512 characters of ASCII. */
  readonly upload?: string;
}

export interface BlobStoreCapabilities {
  /** What an acknowledged put survives. */
  readonly durable: 'none' | 'process' | 'power';
  readonly multiHandle: boolean;
  readonly multiProcess: boolean;
  /** `contentType` is kept. Gates BL-10. */
  readonly contentType: boolean;
  /** `presign` and `commit` work. Gates BL-14 and BL-27. Without it, both throw `unsupported`. */
  readonly presign: boolean;
  /** A presigned PUT of another length than it was signed for is refused at once. Without it, it may be taken aside, and `commit` finds it `invalid`. */
  readonly boundUploads: boolean;
  /** Largest upload by a presigned PUT in bytes; one more byte is `too_large`. 0 without `presign`. */
  readonly maxUploadBytes: number;
  /** Largest blob in bytes; one more byte is `too_large`. */
  readonly maxBlobBytes: number;
}

/** Files under keys: `static/<sha256>` is immutable and proves its content, `var/<uuid>` is replaced atomically.
 *  `root` is the workspace's own prefix; nothing outside it is ever touched. */
export interface BlobStore {
  readonly contractVersion: 1;
  readonly capabilities: BlobStoreCapabilities;

  /** Stores the source under a key; a reader sees the whole old or the whole new content, never a part.
   *  Law: a static key accepts only content with that sha256 (anything else is `invalid` and leaves nothing); putting it again is success without a change.
   *  Durable when it resolves. A failed or aborted put leaves nothing visible.
   *  Throws: invalid, conflict, too_large, aborted, busy, unavailable, quota, closed; an error of the source is passed on as it is. */
  readonly put: (root: BlobRoot, key: BlobKey, source: ByteSource, options?: PutOptions, call?: CallOptions) => Promise<BlobInfo>;

  /** The content, or undefined if there is none. Throws: corrupt, unavailable, closed. */
  readonly get: (
    root: BlobRoot,
    key: BlobKey,
    options?: { readonly range?: ByteRange },
    call?: CallOptions,
  ) => Promise<BlobContent | undefined>;

  /** What `get` would tell without the body. */
  readonly head: (root: BlobRoot, key: BlobKey, call?: CallOptions) => Promise<BlobInfo | undefined>;

  /** Blobs of a root in byte order of their keys.
   *  Law: a blob that is there during the whole listing comes exactly once. */
  readonly list: (root: BlobRoot, query: BlobListQuery, call?: CallOptions) => Promise<Page<BlobEntry>>;

  /** Removes a blob; one that is not there is fine. With `ifMatch` only that version, otherwise `conflict`. */
  readonly delete: (root: BlobRoot, key: BlobKey, options?: { readonly ifMatch?: string }, call?: CallOptions) => Promise<void>;

  /** A URL that allows one method on one key for a short time. What is sent by a PUT waits aside for `commit`.
   *  Throws: unsupported, invalid, too_large. */
  readonly presign: (root: BlobRoot, key: BlobKey, options: PresignOptions, call?: CallOptions) => Promise<PresignedRequest>;

  /** What was sent by a presigned PUT is the blob, as if it had been put; `upload` is what `presign` told.
   *  Law: nothing else makes it visible, save that a store which refuses any other content may show static content as soon as it is there.
   *  It counts and hashes every byte, unless the store has proved that it did so itself. Content of another length, or of another sha256 than a static
   *  key's, is `invalid`, leaves nothing visible and is removed. Again it tells the same, while the blob is the one it made. Static content that is
   *  there already is success, whoever put it; anything else that was never sent, or under another root or key, is `not_found`.
   *  Throws: unsupported, invalid, not_found, aborted, busy, unavailable, quota, closed. */
  readonly commit: (root: BlobRoot, key: BlobKey, upload: string, call?: CallOptions) => Promise<BlobInfo>;

  /** Removes everything under a root, and only that. */
  readonly drop: (root: BlobRoot, call?: CallOptions) => Promise<void>;

  readonly close: () => Promise<void>;
}
