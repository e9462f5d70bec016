import {
  type BlobContent,
  type BlobKey,
  type ByteRange,
  type CallOptions,
  type FileEntry,
  hasCode,
  idOfKey,
  kindOfKey,
  type PresignedRequest,
  parseUserId,
  StoreError,
} from '@spacestore/core';
import type { FileEntries } from './file-entries.ts';
import type { FileLink, FileLinks } from './file-links.ts';
import { type FileQuota, noUsage } from './file-quota.ts';
import { endRemoval } from './file-removal.ts';
import { type Files, type FilesParts, finishFile, noSuchFile, type StoredFile } from './files.ts';
import type { Gate } from './gate.ts';
import { type Grant, noSuchWorkspace } from './grant.ts';
import type { PendingFiles } from './pending-files.ts';
import type { Upload } from './upload.ts';

export interface UploadWish {
  readonly sizeBytes: number;
  readonly mimeType?: string;
  readonly name?: string;
  readonly expiresInMs?: number;
}

/** How to send the bytes, and what to tell `commit` when they are sent; or the file, if it is there already. */
export type UploadGrant = { readonly request: PresignedRequest; readonly upload: string } | { readonly file: StoredFile };

/** Files past the server, or through it by links that need no token: wherever the blob store gives URLs of its own, these are used. */
export interface DirectFiles {
  /** Room in the quota is taken until the upload is committed or lapses. Throws: unsupported for mutable files, too_large, quota. */
  readonly grantUpload: (grant: Grant, key: BlobKey, wish: UploadWish, call?: CallOptions) => Promise<UploadGrant>;
  /** The file counts: its bytes are there, and verified. Again it tells the same.
   *  Throws: denied (an upload granted for another file), not_found (nothing was sent), invalid (other bytes; they are removed). */
  readonly commit: (grant: Grant, key: BlobKey, upload: string, call?: CallOptions) => Promise<StoredFile>;
  readonly grantDownload: (
    grant: Grant,
    key: BlobKey,
    wish: { readonly downloadName?: string; readonly expiresInMs?: number },
    call?: CallOptions,
  ) => Promise<PresignedRequest>;
  /** Takes the bytes of an upload link. Throws: denied, conflict (the file is there), invalid, and as `Files.put`. */
  readonly receive: (link: string, upload: Upload, call?: CallOptions) => Promise<StoredFile>;
  /** Gives the bytes of a download link, with its facts under the name it says. */
  readonly send: (
    link: string,
    range: ByteRange | undefined,
    call?: CallOptions,
  ) => Promise<{ readonly entry: FileEntry; readonly content: BlobContent }>;
}

export interface DirectFilesParts extends FilesParts {
  readonly service: Files;
  readonly links: FileLinks;
  readonly gate: Gate;
  readonly entries: FileEntries;
  readonly quota: FileQuota;
  readonly pending: PendingFiles;
}

/** Where a link of this server leads; its signed part is the query. */
export const linkPath = '/v1/direct';
const shortestMs = 1000;

export function directFiles(parts: DirectFilesParts): DirectFiles {
  const { blobs, files: index, limits, clock, gate, activity, service, links, entries, quota, pending } = parts;
  const { presign, maxUploadBytes } = blobs.capabilities;
  const largest = Math.min(limits.fileBytes, presign ? maxUploadBytes : blobs.capabilities.maxBlobBytes);

  const checkLife = (wished: number | undefined): number => {
    const expiresInMs = wished ?? limits.linkMs;
    if (expiresInMs < shortestMs || expiresInMs > limits.linkMs)
      throw new StoreError('invalid', 'a link is good for a second at least, and no longer than this server allows', {
        context: { expiresInMs, minMs: shortestMs, maxMs: limits.linkMs },
      });
    return expiresInMs;
  };

  const ownRequest = async (
    { workspace, entry, user, identity: { scopes } }: Grant,
    expiresInMs: number,
    what: Pick<FileLink, 'method' | 'key' | 'sizeBytes' | 'downloadName'>,
  ): Promise<PresignedRequest> => {
    const expiresAt = clock.now() + expiresInMs;
    const link = await links.sign({ ...what, workspace, since: entry.createdAt, user, expiresAt, ...(scopes && { scopes }) });
    return { url: `${linkPath}?link=${link}`, method: what.method, headers: {}, expiresAt };
  };

  /** Who asked for the link must still be allowed what it allows: a revocation binds these links at once. */
  const grantOf = async (link: FileLink, call?: CallOptions): Promise<Grant> => {
    const identity = { user: parseUserId(link.user), ...(link.scopes && { scopes: link.scopes }) };
    const grant = await gate.authorize(identity, link.workspace, link.method === 'PUT' ? 'append' : 'read', call);
    if (grant.entry.createdAt !== link.since) throw noSuchWorkspace();
    return grant;
  };

  const present = async (grant: Grant, key: BlobKey, call?: CallOptions): Promise<StoredFile | undefined> => {
    const entry = await index.get(grant.workspace, key, call);
    const info = entry?.state === 'ready' ? await blobs.head(grant.entry.blobRoot, key, call) : undefined;
    return entry && info && { entry, info };
  };

  /** Who is told that a file is there will refer to it: as with an upload, nobody takes it for long unused from here on. */
  const presentAnew = async (grant: Grant, key: BlobKey, call?: CallOptions): Promise<StoredFile | undefined> => {
    const file = await present(grant, key, call);
    if (!file) return undefined;
    const renew = (now: FileEntry | undefined): FileEntry | undefined =>
      now?.state === 'ready' ? { ...now, createdAt: clock.now() } : now;
    const entry = await entries.change(grant.workspace, key, renew, undefined, call);
    return entry?.state === 'ready' ? { ...file, entry } : undefined;
  };

  /** Where there is no room left, uploads that lapsed give theirs back first. */
  const withRoom = async <Result>({ entry }: Grant, work: () => Promise<Result>): Promise<Result> => {
    try {
      return await work();
    } catch (error) {
      if (!hasCode(error, 'quota') || (await pending.settleLapsed(entry)) === 0) throw error;
      return work();
    }
  };

  /** The grant is written down as a pending entry that holds its room. */
  const promise = async (grant: Grant, key: BlobKey, { sizeBytes, mimeType, name }: UploadWish, call?: CallOptions): Promise<void> => {
    await endRemoval(parts, grant, key, call);
    await withRoom(grant, () =>
      entries.change(
        grant.workspace,
        key,
        (before) => {
          if (before?.state === 'ready') return { ...before, createdAt: clock.now() }; // its bytes are lost: this upload mends that
          if (before?.state === 'deleting')
            throw new StoreError('busy', 'the file is being removed just now: try again', { context: { key } });
          return {
            key,
            sizeBytes,
            createdAt: clock.now(),
            state: 'pending',
            ...(mimeType !== undefined && { mimeType }),
            ...(name !== undefined && { name }),
          };
        },
        undefined,
        call,
      ),
    );
  };

  return {
    grantUpload: async (grant, key, wish, call) => {
      await gate.require(grant, 'append');
      const expiresInMs = checkLife(wish.expiresInMs);
      const { sizeBytes } = wish;
      if (kindOfKey(key) !== 'static')
        throw new StoreError('unsupported', 'a mutable file is replaced through the server, by compare-and-set', { context: { key } });
      if (sizeBytes > largest) throw new StoreError('too_large', 'the file is too large', { context: { sizeBytes, maxBytes: largest } });
      const file = await presentAnew(grant, key, call);
      if (file) return { file };
      await promise(grant, key, wish, call);
      const { workspace, entry } = grant;
      const ticket = {
        workspace,
        since: entry.createdAt,
        key,
        sizeBytes,
        ...(wish.mimeType !== undefined && { mimeType: wish.mimeType }),
        ...(wish.name !== undefined && { name: wish.name }),
      };
      if (!presign) {
        const request = await ownRequest(grant, expiresInMs, { method: 'PUT', key, sizeBytes });
        return { request, upload: await links.signTicket(ticket) };
      }
      const contentType = wish.mimeType === undefined ? {} : { contentType: wish.mimeType };
      const { upload, ...request } = await blobs.presign(
        entry.blobRoot,
        key,
        { method: 'PUT', expiresInMs, sizeBytes, ...contentType },
        call,
      );
      return { request, upload: await links.signTicket({ ...ticket, ...(upload !== undefined && { upload }) }) };
    },

    commit: async (grant, key, signed, call) => {
      await gate.require(grant, 'append');
      const ticket = await links.verifyTicket(signed, grant, key);
      const file = await present(grant, key, call);
      if (file) return file;
      const { upload, sizeBytes } = ticket;
      if (upload === undefined) throw new StoreError('not_found', 'nothing was sent for this upload', { context: { key } });
      return activity.run(grant.workspace, call?.signal, async (signal) => {
        // The room that the grant took is the entry's; it is taken anew only if the grant lapsed meanwhile.
        const held = (await index.get(grant.workspace, key, { signal }))?.state === 'pending';
        const needed = held ? noUsage : { fileBytes: sizeBytes, files: 1 };
        const room = await withRoom(grant, () => quota.reserve(grant.workspace, needed, { signal }));
        try {
          const info = await blobs.commit(grant.entry.blobRoot, key, upload, { signal });
          return await finishFile(parts, grant, info, ticket, room);
        } catch (error) {
          await room.settle(noUsage);
          // The bytes were others and are gone: so is the room that was kept for them.
          if (hasCode(error, 'invalid'))
            await entries.change(grant.workspace, key, (before) => (before?.state === 'pending' ? undefined : before));
          throw error;
        }
      });
    },

    grantDownload: async (grant, key, { downloadName, expiresInMs: wished }, call) => {
      await gate.require(grant, 'read');
      const expiresInMs = checkLife(wished);
      const entry = await index.get(grant.workspace, key, call);
      if (entry?.state !== 'ready') throw noSuchFile(key);
      const name = downloadName ?? entry.name;
      if (!presign) return ownRequest(grant, expiresInMs, { method: 'GET', key, ...(name !== undefined && { downloadName: name }) });
      return blobs.presign(grant.entry.blobRoot, key, { method: 'GET', expiresInMs, downloadName: name ?? idOfKey(key) }, call);
    },

    receive: async (signed, upload, call) => {
      const link = await links.verify(signed, 'PUT');
      const grant = await grantOf(link, call);
      if (upload.sizeBytes !== undefined && upload.sizeBytes !== link.sizeBytes)
        throw new StoreError('invalid', 'this link is for another length', {
          context: { sizeBytes: link.sizeBytes, sent: upload.sizeBytes },
        });
      const { mimeType, name } = (await index.get(grant.workspace, link.key, call)) ?? {};
      return service.put(
        grant,
        link.key,
        {
          body: upload.body,
          sizeBytes: link.sizeBytes as number,
          ifNoneMatch: '*',
          ...(mimeType !== undefined && { mimeType }),
          ...(name !== undefined && { name }),
        },
        call,
      );
    },

    send: async (signed, range, call) => {
      const link = await links.verify(signed, 'GET');
      const { entry, content } = await service.get(await grantOf(link, call), link.key, range, call);
      return { entry: link.downloadName === undefined ? entry : { ...entry, name: link.downloadName }, content };
    },
  };
}
