import {
  type BlobRoot,
  type BlobStore,
  type CallOptions,
  type CodecName,
  type OpStore,
  parseWorkspaceId,
  type SecretStore,
  type SyncTransport,
  type WorkspaceId,
} from '@spacestore/core';
import type { WireLimits } from '@spacestore/core/sync';
import { parseEndpoint } from '../endpoint.ts';
import { webSocketTransport } from '../web-socket-transport.ts';
import { remoteBlobStore } from './blob-store.ts';
import { type DirectFiles, directFiles } from './direct-files.ts';
import { httpClient } from './http.ts';
import { remoteOpStore } from './op-store.ts';
import { remoteSecretStore } from './secret-store.ts';
import { socketAppends } from './socket-appends.ts';
import { socketLink } from './socket-link.ts';
import { workspaceAccess } from './workspace-access.ts';
import { type WorkspaceAdmin, workspaceAdmin } from './workspace-admin.ts';

export interface RemoteStoreOptions {
  /** `https://` or `wss://` of the server; without TLS only on this machine, unless `insecure`. */
  readonly url: string;
  readonly token: () => string | Promise<string>;
  readonly insecure?: boolean;
  /** How records are sent: a request for each append, or all of them over one socket, which is cheaper where there are many and keeps a connection
   *  open until `ops.close()`. Requests if absent. */
  readonly appends?: 'http' | 'socket';
  /** Makes workspaces at their first change, with this codec, and takes those the caller is no member of for not there yet. For a caller who is the
   *  only user, such as a test; everybody else is told `not_found`. */
  readonly createWorkspaces?: CodecName;
  /** Whose files lie under a blob root; its last segment if absent. */
  readonly workspaceOfRoot?: (root: BlobRoot) => WorkspaceId;
  /** Largest file and secret the server takes, where it is told otherwise than by default. */
  readonly maxBlobBytes?: number;
  readonly maxSecretBytes?: number;
}

export interface RemoteStores {
  readonly ops: OpStore;
  readonly blobs: BlobStore;
  readonly secrets: SecretStore;
  /** Files with progress, past the server where it has an object store that gives links. */
  readonly direct: DirectFiles;
  readonly workspaces: WorkspaceAdmin;
  /** What the server enforces, as told in its WELCOME. */
  readonly limits: WireLimits;
}

/** A server seen as stores. Its errors are its own: same code, same context; what could not be asked is never taken for empty.
 *  Throws: invalid, denied (an address in the clear), unauthenticated, unavailable. */
export async function remoteStores(options: RemoteStoreOptions, call?: CallOptions): Promise<RemoteStores> {
  const {
    url,
    token,
    insecure = false,
    appends = 'http',
    createWorkspaces,
    maxBlobBytes = 5 * 1024 ** 3,
    maxSecretBytes = 64 * 1024,
  } = options;
  const endpoint = parseEndpoint(url, { insecure });
  const limits = await limitsOver(webSocketTransport({ insecure }), endpoint.ws, await token(), call);
  const http = httpClient(endpoint.http, token);
  const access = workspaceAccess(http, createWorkspaces);
  const socket =
    appends === 'socket'
      ? socketAppends({
          transport: webSocketTransport({ insecure, maxFrameBytes: limits.maxFrameBytes }),
          endpoint: endpoint.ws,
          token,
          joining: access.change,
        })
      : undefined;
  const workspaceOf = options.workspaceOfRoot ?? lastSegment;
  const blobs = remoteBlobStore(http, access, workspaceOf, maxBlobBytes);
  return {
    ops: remoteOpStore(http, access, limits, socket),
    blobs,
    direct: directFiles({ http, blobs, workspaceOf, base: endpoint.http, insecure, maxBytes: maxBlobBytes }),
    secrets: remoteSecretStore(http, access, maxSecretBytes),
    workspaces: workspaceAdmin(http),
    limits,
  };
}

async function limitsOver(transport: SyncTransport, endpoint: string, token: string, call: CallOptions | undefined): Promise<WireLimits> {
  try {
    const link = await socketLink(transport, endpoint, token, () => undefined, call);
    await link.close();
    return link.limits;
  } finally {
    await transport.close();
  }
}

function lastSegment(root: BlobRoot): WorkspaceId {
  return parseWorkspaceId(root.slice(root.lastIndexOf('/') + 1));
}
