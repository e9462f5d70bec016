import { createHash } from 'node:crypto';
import {
  type CallOptions,
  type Cursor,
  type OpRecord,
  type OpStore,
  type StoredRecord,
  StoreError,
  type WorkspaceId,
} from '@spacestore/core';

/** A log on its way to another store, record by record in the same order, with when it was received and who handed it in. */
export interface LogCopy {
  /** The target has every record that the source had when this began. Resolves with how many were new there.
   *  Throws: conflict, if the target holds another history than a beginning of this one. */
  readonly catchUp: (onRecords?: (count: number) => void) => Promise<number>;
  /** Records so far, and a digest of all of them as the source told them. */
  readonly copied: () => { readonly records: number; readonly digest: string };
}

const pageRecords = 5000;
const pageBytes = 4 * 1024 * 1024;
/** Appends on their way at once. Stores that commit them in turns take many together; that they come in order is checked, not believed. */
const window = 64;
const callBytes = 1024 * 1024;

/** What is there of an earlier copy is compared, not copied again. */
export function logCopy(source: OpStore, target: OpStore, workspace: WorkspaceId, call?: CallOptions): LogCopy {
  const maxRecords = Math.min(target.capabilities.maxCallRecords, 2000);
  const hash = createHash('sha256');
  let position = 0;
  let through: Cursor | undefined;
  let present: AsyncGenerator<StoredRecord> | undefined;

  const append = async (records: readonly StoredRecord[]): Promise<void> => {
    const waiting: Promise<void>[] = [];
    for (const group of groupsOf(records, maxRecords)) {
      const [first] = group as [StoredRecord, ...StoredRecord[]];
      const last = (group.at(-1) as StoredRecord).position;
      const options = { receivedAt: first.receivedAt, ...(first.via !== undefined && { via: first.via }) };
      waiting.push(
        target.append(workspace, group.map(bare), options, call).then(({ added, committedAt }) => {
          if (added !== group.length || committedAt !== last)
            throw otherHistory(workspace, { position: first.position, added, committedAt });
        }),
      );
      if (waiting.length === window) await all(waiting.splice(0));
    }
    await all(waiting);
  };

  return {
    copied: () => ({ records: position, digest: hash.copy().digest('hex') }),
    catchUp: async (onRecords) => {
      present ??= recordsOf(target, workspace, call);
      let added = 0;
      for await (const page of pagesOf(source, workspace, through, call)) {
        const fresh: StoredRecord[] = [];
        for (const record of page.records) {
          if (record.position !== position + 1) throw new StoreError('corrupt', 'the source lacks a record', { context: { position } });
          position = record.position;
          hashRecord(hash, record);
          const there = present && (await present.next());
          if (there?.done === false) {
            if (!isSame(there.value, record)) throw otherHistory(workspace, { position });
          } else fresh.push(record);
        }
        await append(fresh);
        added += fresh.length;
        onRecords?.(page.records.length);
        through = page.through;
      }
      // What the target has beyond the source came from elsewhere.
      const beyond = await present.next();
      if (beyond.done === false && beyond.value.position > position) throw otherHistory(workspace, { position: beyond.value.position });
      present = nothing();
      return added;
    },
  };
}

/** The digest of a log as a store tells it now, and its length. */
export async function digestOfLog(
  store: OpStore,
  workspace: WorkspaceId,
  onRecords?: (count: number) => void,
  call?: CallOptions,
): Promise<{ readonly records: number; readonly digest: string }> {
  const hash = createHash('sha256');
  let records = 0;
  for await (const page of pagesOf(store, workspace, undefined, call)) {
    for (const record of page.records) hashRecord(hash, record);
    records += page.records.length;
    onRecords?.(page.records.length);
  }
  return { records, digest: hash.digest('hex') };
}

async function* pagesOf(store: OpStore, workspace: WorkspaceId, after: Cursor | undefined, call: CallOptions | undefined) {
  let query: Parameters<OpStore['read']>[1] | undefined = { limit: pageRecords, limitBytes: pageBytes, ...(after && { after }) };
  while (query !== undefined) {
    const page: Awaited<ReturnType<OpStore['read']>> = await store.read(workspace, query, call);
    yield page;
    query = page.next;
  }
}

async function* recordsOf(store: OpStore, workspace: WorkspaceId, call: CallOptions | undefined): AsyncGenerator<StoredRecord> {
  for await (const page of pagesOf(store, workspace, undefined, call)) yield* page.records;
}

async function* nothing(): AsyncGenerator<StoredRecord> {
  yield* [];
}

/** Runs of records that one append can carry: it has one time and one author. */
function* groupsOf(records: readonly StoredRecord[], maxRecords: number): Generator<readonly StoredRecord[]> {
  let group: StoredRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const [first] = group;
    const fits = group.length < maxRecords && bytes + record.body.length <= callBytes;
    if (first && !(fits && first.receivedAt === record.receivedAt && first.via === record.via)) {
      yield group;
      group = [];
      bytes = 0;
    }
    group.push(record);
    bytes += record.body.length;
  }
  if (group.length > 0) yield group;
}

function bare({ tree, peer, counter, body }: StoredRecord): OpRecord {
  return { tree, peer, counter, body };
}

function isSame(a: StoredRecord, b: StoredRecord): boolean {
  return (
    a.position === b.position &&
    a.receivedAt === b.receivedAt &&
    a.via === b.via &&
    a.tree === b.tree &&
    a.peer === b.peer &&
    a.counter === b.counter &&
    Buffer.compare(a.body, b.body) === 0
  );
}

function hashRecord(hash: ReturnType<typeof createHash>, { position, receivedAt, via, tree, peer, counter, body }: StoredRecord): void {
  hash.update(`${JSON.stringify([position, receivedAt, via ?? null, tree, peer, counter, body.length])}\n`).update(body);
}

/** Waits for all, also after a failure: nothing goes on behind the back of who is told. */
async function all(waiting: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(waiting)).find((result) => result.status === 'rejected');
  if (failed) throw failed.reason as Error;
}

function otherHistory(workspace: WorkspaceId, context: object): StoreError {
  return new StoreError('conflict', 'the target holds another history of this workspace: copy into a place that does not have it', {
    context: { workspace, ...context },
  });
}
