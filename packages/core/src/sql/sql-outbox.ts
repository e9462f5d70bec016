import { equalBytes } from '../bytes.ts';
import { checkRecords } from '../check-records.ts';
import type { Clock } from '../clock.ts';
import type { OpRecord } from '../contracts/op-store.ts';
import type { Outbox, OutboxBatch, OutboxVerdict, QuarantinedRecord, RecordId } from '../contracts/outbox.ts';
import { StoreError, type StoreErrorCode } from '../errors.ts';
import { type PeerId, parseWorkspaceId, type TreeId, type WorkspaceId } from '../ids.ts';
import { createLifetime } from '../lifetime.ts';
import { parseLimit } from '../paging.ts';
import type { SqlDatabase } from './database.ts';
import { type GroupLimits, groupCommit, type Schedule } from './group-commit.ts';
import { bytesOf, storedForm } from './log/body-text.ts';
import { rows, run, type Sql, type SqlRow, type SqlValue, value } from './sql.ts';

export interface SqlOutboxOptions {
  readonly clock: Clock;
  readonly schedule: Schedule;
  readonly group: GroupLimits;
}

interface AddCall {
  readonly workspace: WorkspaceId;
  readonly records: readonly OpRecord[];
  readonly bytes: number;
}

const unlimited = { maxBodyBytes: Number.MAX_SAFE_INTEGER, maxCallRecords: Number.MAX_SAFE_INTEGER };
const recordOf = 'tree, peer, counter, body';

/** An outbox in an SQL database. What is added in one turn of the event loop shares a commit. */
export function sqlOutbox(database: SqlDatabase, { clock, schedule, group }: SqlOutboxOptions): Outbox {
  const lifetime = createLifetime();
  const groups = groupCommit<'all', AddCall, OutboxBatch>(schedule, group, (_, calls) =>
    database.write(function* () {
      const added: { result: OutboxBatch }[] = [];
      for (const { workspace, records } of calls) added.push({ result: yield* addBatch(yield* makeBox(workspace), records) });
      return added;
    }),
  );

  return {
    add: (given, records, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        return groups.add('all', { workspace, ...checkRecords(records, unlimited) }, call);
      }),

    verdict: (given, batch, verdict, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        return database.write(() => applyVerdict(workspace, batch, verdict, clock.now()));
      }),

    pending: (given, after, limit, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        const count = parseLimit(limit, Number.MAX_SAFE_INTEGER);
        return database.read(() => readPending(workspace, after, count));
      }),

    counts: (given, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        return database.read(() => countAll(workspace));
      }),

    quarantine: (given, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        return database.read(function* () {
          return (yield* readQuarantine(yield* findBox(workspace))).map(({ quarantined }) => quarantined);
        });
      }),

    release: (given, ids, how, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        const named = new Set(ids.map(keyOf));
        return database.write(() => releaseItems(workspace, named, how));
      }),

    state: (given, name, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        return database.read(function* () {
          const box = yield* findBox(workspace);
          return (yield* value('SELECT value FROM state WHERE box = ? AND name = ?', box, name)) as string | undefined;
        });
      }),

    setState: (given, name, text, call) =>
      lifetime.run(call, () => {
        const workspace = parseWorkspaceId(given);
        if (text !== undefined && /\p{Surrogate}/u.test(text)) throw new StoreError('invalid', 'a named value is well-formed text');
        return database.write(() => writeState(workspace, name, text));
      }),

    close: () => lifetime.close(() => database.close()),
  };
}

/** 0, which no box has, for a workspace that is not known. */
function* findBox(workspace: WorkspaceId): Sql<number> {
  return ((yield* value('SELECT id FROM box WHERE workspace = ?', workspace)) as number | undefined) ?? 0;
}

function* makeBox(workspace: WorkspaceId): Sql<number> {
  yield* run('INSERT INTO box (workspace, last_batch) VALUES (?, 0) ON CONFLICT (workspace) DO NOTHING', workspace);
  return yield* findBox(workspace);
}

function* nextBatch(box: number): Sql<number> {
  const batch = (yield* value('UPDATE box SET last_batch = last_batch + 1 WHERE id = ? RETURNING last_batch', box)) as number;
  yield* run('INSERT INTO batch (box, batch) VALUES (?, ?)', box, batch);
  return batch;
}

function* addBatch(box: number, records: readonly OpRecord[]): Sql<OutboxBatch> {
  const batch = yield* nextBatch(box);
  for (const { tree, peer, counter, body } of records)
    yield* run(`INSERT INTO item (box, batch, ${recordOf}) VALUES (?, ?, ?, ?, ?, ?)`, box, batch, tree, peer, counter, storedForm(body));
  return { batch, records };
}

function* applyVerdict(workspace: WorkspaceId, batch: number, verdict: OutboxVerdict, now: number): Sql<void> {
  const box = yield* findBox(workspace);
  if ((yield* run('DELETE FROM batch WHERE box = ? AND batch = ?', box, batch)) === 0) return;
  if (verdict.kind === 'acknowledged') {
    yield* run('DELETE FROM item WHERE box = ? AND batch = ?', box, batch);
    return;
  }
  const items = (yield* rows(`SELECT id, ${recordOf} FROM item WHERE box = ? AND batch = ? ORDER BY id`, box, batch)).map(itemOf);
  const named = new Set(verdict.ids.map(keyOf));
  const guilty = items.filter(({ record }) => named.has(keyOf(record)));
  // A refusal that names nothing of the batch is of the whole: else it would come back for ever.
  const refused = new Set(guilty.length > 0 ? guilty : items);
  const known = (yield* readQuarantine(box)).map(({ quarantined }) => quarantined.record);
  const rest = items.filter((item) => !refused.has(item));
  for (const { id, record } of refused)
    if (known.some((each) => isSame(each, record))) yield* run('DELETE FROM item WHERE id = ?', id);
    else {
      yield* run('UPDATE item SET batch = NULL, code = ?, at = ? WHERE id = ?', verdict.code, now, id);
      known.push(record);
    }
  if (rest.length === 0) return;
  const again = yield* nextBatch(box);
  yield* run('UPDATE item SET batch = ? WHERE box = ? AND batch = ?', again, box, batch);
}

function* readPending(workspace: WorkspaceId, after: number, limit: number): Sql<readonly OutboxBatch[]> {
  const box = yield* findBox(workspace);
  const pending: OutboxBatch[] = [];
  for (const [batch] of yield* rows('SELECT batch FROM batch WHERE box = ? AND batch > ? ORDER BY batch LIMIT ?', box, after, limit)) {
    const items = yield* rows(`SELECT id, ${recordOf} FROM item WHERE box = ? AND batch = ? ORDER BY id`, box, batch as number);
    pending.push({ batch: batch as number, records: items.map((item) => itemOf(item).record) });
  }
  return pending;
}

function* countAll(workspace: WorkspaceId): Sql<{ batches: number; records: number; quarantined: number }> {
  const box = yield* findBox(workspace);
  return {
    batches: (yield* value('SELECT count(*) FROM batch WHERE box = ?', box)) as number,
    records: (yield* value('SELECT count(*) FROM item WHERE box = ? AND batch IS NOT NULL', box)) as number,
    quarantined: (yield* value('SELECT count(*) FROM item WHERE box = ? AND batch IS NULL', box)) as number,
  };
}

function* readQuarantine(box: number): Sql<readonly { readonly id: number; readonly quarantined: QuarantinedRecord }[]> {
  const found = yield* rows(`SELECT id, ${recordOf}, code, at FROM item WHERE box = ? AND batch IS NULL ORDER BY at, id`, box);
  return found.map((columns) => {
    const { id, record } = itemOf(columns);
    return { id, quarantined: { record, code: columns[5] as StoreErrorCode, at: columns[6] as number } };
  });
}

function* releaseItems(workspace: WorkspaceId, named: ReadonlySet<string>, how: 'retry' | 'discard'): Sql<void> {
  const box = yield* findBox(workspace);
  const released = (yield* readQuarantine(box)).filter(({ quarantined }) => named.has(keyOf(quarantined.record)));
  if (released.length === 0) return;
  const batch = how === 'retry' ? yield* nextBatch(box) : undefined;
  for (const { id } of released)
    if (batch === undefined) yield* run('DELETE FROM item WHERE id = ?', id);
    else yield* run('UPDATE item SET batch = ?, code = NULL, at = NULL WHERE id = ?', batch, id);
}

function* writeState(workspace: WorkspaceId, name: string, text: string | undefined): Sql<void> {
  const box = yield* makeBox(workspace);
  if (text === undefined) yield* run('DELETE FROM state WHERE box = ? AND name = ?', box, name);
  else
    yield* run(
      'INSERT INTO state (box, name, value) VALUES (?, ?, ?) ON CONFLICT (box, name) DO UPDATE SET value = excluded.value',
      box,
      name,
      text,
    );
}

function itemOf([id, tree, peer, counter, body]: SqlRow): { readonly id: number; readonly record: OpRecord } {
  return {
    id: id as number,
    record: { tree: tree as TreeId, peer: peer as PeerId, counter: counter as number, body: bytesOf(body as SqlValue) },
  };
}

/** No id holds a slash. */
function keyOf({ tree, peer, counter }: RecordId): string {
  return `${tree}/${peer}/${counter}`;
}

function isSame(a: OpRecord, b: OpRecord): boolean {
  return keyOf(a) === keyOf(b) && equalBytes(a.body, b.body);
}
