import type { BlobKey } from '../blob-key.ts';
import type { CallOptions } from '../call.ts';
import type { WorkspaceId } from '../ids.ts';
import type { Page } from '../paging.ts';

export interface FileEntry {
  readonly key: BlobKey;
  readonly mimeType?: string;
  readonly name?: string;
  readonly sizeBytes: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** `pending` from the grant of an upload until the blob is verified. */
  readonly state: 'pending' | 'ready';
}

export interface FilePatch {
  /** `null` removes it. */
  readonly mimeType?: string | null;
  readonly name?: string | null;
}

/** Which files a workspace has: what is shown to its members, while the BlobStore keeps the bytes. */
export interface FileIndex {
  /** Creates or replaces the entry of its key. */
  readonly put: (workspace: WorkspaceId, entry: FileEntry, call?: CallOptions) => Promise<void>;
  readonly get: (workspace: WorkspaceId, key: BlobKey, call?: CallOptions) => Promise<FileEntry | undefined>;
  /** Throws: not_found. */
  readonly patch: (workspace: WorkspaceId, key: BlobKey, patch: FilePatch, call?: CallOptions) => Promise<FileEntry>;
  /** In byte order of keys. */
  readonly list: (
    workspace: WorkspaceId,
    query: { readonly kind?: 'static' | 'var'; readonly state?: 'pending' | 'ready'; readonly after?: string; readonly limit: number },
    call?: CallOptions,
  ) => Promise<Page<FileEntry>>;
  readonly delete: (workspace: WorkspaceId, key: BlobKey, call?: CallOptions) => Promise<void>;
  readonly drop: (workspace: WorkspaceId, call?: CallOptions) => Promise<void>;
  readonly close: () => Promise<void>;
}
