import { parseWorkspaceId, StoreError, type StoreErrorCode, statusOfCode, type WorkspaceId } from '@spacestore/core';
import type { BackupManifest } from '../service/backup-catalogue.ts';
import type { Swept } from '../service/file-sweep.ts';
import type { ImportReport } from '../service/transfer.ts';
import type { RestoredLog, SizedBytes, Target } from './target.ts';

interface PageJson {
  readonly items: readonly unknown[];
  readonly next?: { readonly after?: string; readonly limit: number };
}

/** A running server, through its HTTP interface. */
export function serverTarget(url: string, token: string): Target {
  const base = new URL('/v1/', url);

  const call = async (path: string, init: RequestInit & { readonly duplex?: 'half' } = {}): Promise<Response> => {
    let response: Response;
    try {
      response = await fetch(new URL(path, base), {
        ...init,
        headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string> | undefined) },
      });
    } catch (cause) {
      throw new StoreError('unavailable', `no server answers at ${base.origin}: is it running, and is the address right?`, { cause });
    }
    if (!response.ok) throw await errorOf(response);
    return response;
  };
  const json = async <Value>(path: string, init?: RequestInit & { readonly duplex?: 'half' }): Promise<Value> =>
    (await (await call(path, init)).json()) as Value;
  const upload = (bytes: AsyncIterable<Uint8Array>, sizeBytes?: number): RequestInit & { readonly duplex: 'half' } => ({
    method: 'POST',
    body: ReadableStream.from(bytes) as unknown as NonNullable<RequestInit['body']>,
    duplex: 'half',
    headers: { 'content-type': 'application/octet-stream', ...(sizeBytes === undefined ? {} : { 'content-length': String(sizeBytes) }) },
  });
  async function* listed(path: string): AsyncGenerator {
    for (let after: string | undefined = ''; after !== undefined; ) {
      const page: PageJson = await json(`${path}?limit=100${after === '' ? '' : `&after=${encodeURIComponent(after)}`}`);
      yield* page.items;
      after = page.next?.after;
    }
  }

  return {
    ensure: async (id, codec) => {
      await call('workspaces', { method: 'POST', body: JSON.stringify({ id, codec }), headers: { 'content-type': 'application/json' } });
    },
    import: (workspace, bytes) => json<ImportReport>(`workspaces/${workspace}/import`, upload(bytes)),
    export: async (workspace, trees) =>
      bodyOf(await call(`workspaces/${workspace}/export${trees ? `?trees=${encodeURIComponent(trees.join(','))}` : ''}`)),
    backup: async (workspace) => {
      const response = await call(`workspaces/${workspace}/backup`);
      const length = response.headers.get('content-length');
      return { bytes: bodyOf(response), ...(length === null ? {} : { sizeBytes: Number(length) }) };
    },
    restore: (workspace, { bytes, sizeBytes }: SizedBytes) =>
      json<RestoredLog>(`workspaces/${workspace}/restore`, upload(bytes, sizeBytes)),
    storeBackup: (workspace) => json<BackupManifest>(`workspaces/${workspace}/backups`, { method: 'POST' }),
    storedBackups: async (workspace) =>
      (await json<{ readonly items: readonly BackupManifest[] }>(`workspaces/${workspace}/backups`)).items,
    restoreStored: (workspace, sequence) =>
      json<RestoredLog>(`workspaces/${workspace}/backups/${sequence ?? 'latest'}/restore`, { method: 'POST' }),
    sweepFiles: (workspace, { graceMs, remove }) =>
      json<Swept>(`workspaces/${workspace}/files/sweep`, {
        method: 'POST',
        body: JSON.stringify({ graceMs, remove }),
        headers: { 'content-type': 'application/json' },
      }),
    workspaces: async () => {
      const ids: WorkspaceId[] = [];
      for await (const item of listed('workspaces')) ids.push(parseWorkspaceId((item as { id: unknown }).id));
      return ids;
    },
    stats: async (workspace) => {
      const head = await json<RestoredLog & { readonly epoch: number }>(`workspaces/${workspace}/head`);
      const usage = await json<{ records: number; logBytes: number; files: number; fileBytes: number }>(`workspaces/${workspace}/usage`);
      let trees = 0;
      for await (const _ of listed(`workspaces/${workspace}/trees`)) trees++;
      const { records, logBytes, files, fileBytes } = usage;
      return {
        workspace,
        records,
        logBytes,
        trees,
        files,
        fileBytes,
        incarnation: head.incarnation,
        position: head.position,
        epoch: head.epoch,
      };
    },
    close: () => Promise.resolve(),
  };
}

function bodyOf(response: Response): AsyncIterable<Uint8Array> {
  if (!response.body) throw new StoreError('unavailable', 'the server answered without a body');
  return response.body as unknown as AsyncIterable<Uint8Array>;
}

/** The server's own error, whatever part of it arrived. */
async function errorOf(response: Response): Promise<StoreError> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as { error: { code: string; message: string; context?: Readonly<Record<string, unknown>> } };
    if (Object.hasOwn(statusOfCode, error.code))
      return new StoreError(error.code as StoreErrorCode, error.message, error.context ? { context: error.context } : {});
  } catch {
    // A proxy's page, or a cut answer: the status is all there is.
  }
  return new StoreError(
    response.status >= 500 ? 'unavailable' : 'invalid',
    `the server answered ${response.status}: ${text.slice(0, 200)}`,
  );
}
