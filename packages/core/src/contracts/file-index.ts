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
  readonly state: FileState;
}

/** `pending` from the grant of an upload until the blob is verified; `deleting` from the decision to remove it until its bytes are gone. Only a
 *  `ready` one is a file to members. */
export type FileState = 'pending' | 'ready' | 'deleting';

export interface FilePatch {
  /** `null` removes it. */
  readonly mimeType?: string | null;
  readonly name?: string | null;
}

/** Which files a workspace has: what is shown to its members, while the BlobStore keeps the bytes. */
export interface FileIndex {
  /** Creates or replaces the entry of its key. */
  readonly put: (workspace: WorkspaceId, entry: FileEntry, call?: CallOptions) => Promise<void>;
  /** Makes the entry of a key `to` (none, if undefined), if it is `from` now; what is `to` already stays, so that a retry is harmless.
   *  Law: of several at once from the same entry, one succeeds. Throws: conflict, if it is neither; invalid, if they are of another key. */
  readonly replace: (
    workspace: WorkspaceId,
    key: BlobKey,
    from: FileEntry | undefined,
    to: FileEntry | undefined,
    call?: CallOptions,
  ) => Promise<void>;
  readonly get: (workspace: WorkspaceId, key: BlobKey, call?: CallOptions) => Promise<FileEntry | undefined>;
  /** Throws: not_found. */
  readonly patch: (workspace: WorkspaceId, key: BlobKey, patch: FilePatch, call?: CallOptions) => Promise<FileEntry>;
  /** In byte order of keys. */
  readonly list: (
    workspace: WorkspaceId,
    query: { readonly kind?: 'static' | 'var'; readonly state?: FileState; readonly after?: string; readonly limit: number },
    call?: CallOptions,
  ) => Promise<Page<FileEntry>>;
  readonly delete: (workspace: WorkspaceId, key: BlobKey, call?: CallOptions) => Promise<void>;
  readonly drop: (workspace: WorkspaceId, call?: CallOptions) => Promise<void>;
  readonly close: () => Promise<void>;
}
