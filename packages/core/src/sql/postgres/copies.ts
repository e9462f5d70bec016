import { bytesToHex } from '@noble/hashes/utils.js';
import type { ByteSource } from '../../contracts/blob-store.ts';
import type { Head } from '../../contracts/op-store.ts';
import { isStoreError, StoreError } from '../../errors.ts';
import type { WorkspaceId } from '../../ids.ts';
import type { Folder } from '../folder.ts';
import { sealedSource, unsealedSource } from '../sealed-source.ts';
import type { WorkspaceCopies } from '../sql-op-store.ts';
import type { PostgresDatabase } from './database.ts';
import { headsOf, publicHead, type SharedHead, selectHead } from './log-head.ts';
import { decodeRecord, recordsBetween } from './read-records.ts';
import { restoreLog } from './restore-log.ts';
import { decodeLines, encodeLines, type SnapshotLine } from './snapshot-lines.ts';
import type { PostgresTransaction } from './transaction.ts';

export interface PostgresCopiesOptions {
  readonly maxSnapshotBytes: number;
  readonly maxBodyBytes: number;
  readonly maxSecretBytes: number;
  /** Where snapshots lie while they are read, made at the first one. */
  readonly folder: () => Folder;
}

/** Records or other rows of one statement. */
const batch = 512;

/** Snapshots are lines of text with a digest behind them: log, secrets and file index of one moment. They pass through a file of this machine, so that the
 *  moment ends with the copy and not when somebody has read it, and so that nothing of a cut one is restored. */
export function postgresCopies(database: PostgresDatabase, options: PostgresCopiesOptions): WorkspaceCopies {
  const snapshot = async (workspace: WorkspaceId, signal?: AbortSignal): Promise<ByteSource | undefined> => {
    let folder: Folder | undefined;
    let name = '';
    try {
      return await database.transact({ mode: 'read', binding: [workspace], unbounded: true }, async (transaction) => {
        const [answer] = await transaction.send([selectHead(workspace)]);
        const [head] = headsOf(answer);
        if (!head) return undefined;
        folder = options.folder();
        name = folder.temporaryName('snapshot');
        const source = sealedSource({ open: () => linesOf(transaction, head) });
        await folder.write(name, source, options.maxSnapshotBytes, signal ? { signal } : undefined);
        return folder.asSource(name);
      });
    } catch (error) {
      folder?.remove(name);
      throw error;
    }
  };

  const restore = async (workspace: WorkspaceId, source: ByteSource, signal?: AbortSignal): Promise<Head> => {
    const folder = options.folder();
    const name = folder.temporaryName('restore');
    try {
      await folder.write(name, unsealedSource(source), options.maxSnapshotBytes, signal ? { signal } : undefined);
      const longest = 2 * Math.max(options.maxBodyBytes, options.maxSecretBytes) + 16 * 1024;
      const head = await database.transact({ mode: 'write', binding: [workspace], unbounded: true }, (transaction) =>
        restoreLog(transaction, workspace, decodeLines(folder.asSource(name).open(), longest), options),
      );
      return publicHead(head);
    } catch (error) {
      // What a snapshot says may be anything: where it is not what it should be, so is not the snapshot.
      if (error instanceof TypeError || error instanceof RangeError)
        throw new StoreError('corrupt', 'not a whole snapshot', { cause: error });
      throw isStoreError(error) && error.code === 'invalid' && error.context.workspace !== workspace
        ? new StoreError('corrupt', 'not a whole snapshot', { cause: error })
        : error;
    } finally {
      folder.remove(name);
    }
  };

  return { snapshot, restore };
}

async function* linesOf(transaction: PostgresTransaction, head: SharedHead): AsyncGenerator<Uint8Array> {
  const { workspace, incarnation, lineage, position, epoch, chain } = head;
  const header = {
    format: 'spacestore-postgres-1',
    workspace,
    incarnation,
    lineage,
    position,
    epoch,
    chainHex: bytesToHex(chain),
  } as const;
  yield encodeLines([['head', header]]);
  yield* rowsByKey(
    transaction,
    'SELECT id, tree, peer FROM pair WHERE workspace = $1 AND id > $2 ORDER BY id LIMIT $3',
    workspace,
    0,
    (row) => ['pair', ...(row as unknown as readonly [number, string, string])],
  );
  const seeds = new Map<number, number>();
  for (let place = 0; place < position; place += batch) {
    const to = Math.min(position, place + batch);
    const [answer] = await transaction.send([recordsBetween(workspace, place, to, batch)]);
    const found = answer?.rows ?? [];
    if (found.length !== to - place)
      throw new StoreError('corrupt', 'records are missing from the log', { context: { after: place, through: to } });
    yield encodeLines(
      found.map((row) => {
        const { position: at, counter, receivedAt, via, body } = decodeRecord(row, seeds);
        return ['record', at, row[8] as number, counter, receivedAt, via ?? null, bytesToHex(body)];
      }),
    );
  }
  const secrets = 'SELECT name, value, version, write_id FROM secret WHERE workspace = $1 AND name > $2 ORDER BY name LIMIT $3';
  yield* rowsByKey(transaction, secrets, workspace, '', ([name, value, version, writeId]) => [
    'secret',
    name as string,
    value === null ? null : bytesToHex(value as Uint8Array),
    version as number,
    writeId as string,
  ]);
  const files = 'SELECT key, mime_type, name, size, created_at, state FROM file WHERE workspace = $1 AND key > $2 ORDER BY key LIMIT $3';
  yield* rowsByKey(transaction, files, workspace, '', (row) => [
    'file',
    ...(row as unknown as readonly [string, string | null, string | null, number, number, string]),
  ]);
}

/** The rows of a statement that goes on after a key, its first column. */
async function* rowsByKey(
  transaction: PostgresTransaction,
  sql: string,
  workspace: WorkspaceId,
  first: string | number,
  lineOf: (row: readonly unknown[]) => SnapshotLine,
): AsyncGenerator<Uint8Array> {
  for (let after = first; ; ) {
    const [answer] = await transaction.send([{ sql, values: [workspace, after, batch] }]);
    const found = answer?.rows ?? [];
    if (found.length > 0) yield encodeLines(found.map(lineOf));
    if (found.length < batch) return;
    after = found.at(-1)?.[0] as string | number;
  }
}
