import { type BlobKey, parseBlobKey, parseUserId, StoreError, type WorkspaceId } from '@spacestore/core';
import type { KeyRing } from '@spacestore/core/layers';
import type { TokenScopes } from '../auth/identity.ts';
import { signedStatements } from '../keys/signed-statement.ts';
import type { Grant } from './grant.ts';
import type { ServiceParts } from './stores.ts';

/** What a URL of this server allows: one method on one file of one workspace, on behalf of who asked for it, until it expires. */
export interface FileLink {
  readonly method: 'GET' | 'PUT';
  readonly workspace: WorkspaceId;
  /** Creation time of the workspace: a later one of the same id is another. */
  readonly since: number;
  readonly key: BlobKey;
  readonly user: string;
  readonly scopes?: TokenScopes;
  readonly expiresAt: number;
  /** For PUT: the exact length. */
  readonly sizeBytes?: number;
  /** For GET. */
  readonly downloadName?: string;
}

/** What `commit` is told of an upload: everything that was granted, so that nothing of it has to be believed. */
export interface UploadTicket extends Pick<FileLink, 'workspace' | 'since' | 'key'> {
  readonly sizeBytes: number;
  /** What the blob store calls it; absent where the bytes go through this server. */
  readonly upload?: string;
  readonly mimeType?: string;
  readonly name?: string;
}

export interface FileLinks {
  readonly sign: (link: FileLink) => Promise<string>;
  /** Throws: denied, if it is not of this server, of another method, or expired. */
  readonly verify: (signed: string, method: FileLink['method']) => Promise<FileLink>;
  readonly signTicket: (ticket: UploadTicket) => Promise<string>;
  /** Throws: denied, if it is not of this server or not of this file. */
  readonly verifyTicket: (signed: string, grant: Grant, key: BlobKey) => Promise<UploadTicket>;
}

export function fileLinks(keys: KeyRing, { clock }: Pick<ServiceParts, 'clock'>): FileLinks {
  const links = signedStatements(keys, 'file link');
  const tickets = signedStatements(keys, 'file upload');
  return {
    sign: (link) => links.sign(link),
    verify: async (signed, method) => {
      const link = (await links.verify(signed)) as unknown as FileLink;
      if (link.method !== method) throw new StoreError('denied', 'this link is for another method');
      if (link.expiresAt <= clock.now())
        throw new StoreError('denied', 'this link has expired: ask for another', { context: { expiresAt: link.expiresAt } });
      return { ...link, key: parseBlobKey(link.key), user: parseUserId(link.user) };
    },
    signTicket: (ticket) => tickets.sign(ticket),
    verifyTicket: async (signed, { workspace, entry }, key) => {
      const ticket = (await tickets.verify(signed)) as unknown as UploadTicket;
      if (ticket.workspace !== workspace || ticket.since !== entry.createdAt || ticket.key !== key)
        throw new StoreError('denied', 'this upload was granted for another file');
      return ticket;
    },
  };
}
