import { equalBytes } from '../bytes.ts';
import { checkRecords } from '../check-records.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { OpRecord } from '../contracts/op-store.ts';
import type { Outbox, OutboxBatch, QuarantinedRecord, RecordId } from '../contracts/outbox.ts';
import { StoreError } from '../errors.ts';
import { getOrInsert } from '../get-or-insert.ts';
import { parseWorkspaceId, type WorkspaceId } from '../ids.ts';
import { createLifetime } from '../lifetime.ts';
import { parseLimit } from '../paging.ts';

interface Box {
  readonly batches: Map<number, readonly OpRecord[]>;
  quarantine: readonly QuarantinedRecord[];
  readonly state: Map<string, string>;
  lastBatch: number;
}

/** What a memory outbox keeps its batches in: a second outbox on the same place goes on where the first was closed. */
export interface MemoryOutboxPlace {
  readonly boxes: Map<WorkspaceId, Box>;
}

export interface MemoryOutboxOptions {
  readonly place?: MemoryOutboxPlace;
  readonly clock?: Clock;
}

export function memoryOutboxPlace(): MemoryOutboxPlace {
  return { boxes: new Map() };
}

const unlimited = { maxBodyBytes: Number.MAX_SAFE_INTEGER, maxCallRecords: Number.MAX_SAFE_INTEGER };

/** An outbox in this process's memory: what it holds is lost with the process. */
export function memoryOutbox(options: MemoryOutboxOptions = {}): Outbox {
  const { place = memoryOutboxPlace(), clock = systemClock } = options;
  const lifetime = createLifetime();
  const find = (workspace: WorkspaceId): Box | undefined => place.boxes.get(parseWorkspaceId(workspace));
  const make = (workspace: WorkspaceId): Box =>
    getOrInsert(place.boxes, parseWorkspaceId(workspace), () => ({ batches: new Map(), quarantine: [], state: new Map(), lastBatch: 0 }));
  const addBatch = (box: Box, records: readonly OpRecord[]): OutboxBatch => {
    box.lastBatch += 1;
    box.batches.set(box.lastBatch, records);
    return { batch: box.lastBatch, records: copyRecords(records) };
  };

  return {
    add: (workspace, records, call) => lifetime.run(call, () => addBatch(make(workspace), copyRecords(records))),

    verdict: (workspace, batch, verdict, call) =>
      lifetime.run(call, () => {
        const box = find(workspace);
        const records = box?.batches.get(batch);
        if (box === undefined || records === undefined) return;
        box.batches.delete(batch);
        if (verdict.kind === 'acknowledged') return;
        const named = new Set(verdict.ids.map(keyOf));
        const guilty = records.filter((record) => named.has(keyOf(record)));
        // A refusal that names nothing of the batch is of the whole: else it would come back for ever.
        const refused = guilty.length > 0 ? guilty : records;
        const at = clock.now();
        const fresh = refused.filter((record) => !box.quarantine.some((known) => isSame(known.record, record)));
        box.quarantine = [...box.quarantine, ...fresh.map((record) => ({ record, code: verdict.code, at }))];
        const rest = records.filter((record) => !refused.includes(record));
        if (rest.length > 0) addBatch(box, rest);
      }),

    pending: (workspace, after, limit, call) =>
      lifetime.run(call, () => {
        const count = parseLimit(limit, Number.MAX_SAFE_INTEGER);
        const batches = [...(find(workspace)?.batches ?? [])].filter(([batch]) => batch > after);
        return batches.slice(0, count).map(([batch, records]) => ({ batch, records: copyRecords(records) }));
      }),

    counts: (workspace, call) =>
      lifetime.run(call, () => {
        const box = find(workspace);
        const records = [...(box?.batches.values() ?? [])].reduce((sum, batch) => sum + batch.length, 0);
        return { batches: box?.batches.size ?? 0, records, quarantined: box?.quarantine.length ?? 0 };
      }),

    quarantine: (workspace, call) =>
      lifetime.run(call, () =>
        (find(workspace)?.quarantine ?? []).flatMap(({ record, ...rest }) =>
          copyRecords([record]).map((copy) => ({ record: copy, ...rest })),
        ),
      ),

    release: (workspace, ids, how, call) =>
      lifetime.run(call, () => {
        const box = find(workspace);
        if (box === undefined) return;
        const named = new Set(ids.map(keyOf));
        const released = box.quarantine.filter(({ record }) => named.has(keyOf(record)));
        box.quarantine = box.quarantine.filter((each) => !released.includes(each));
        if (how === 'retry' && released.length > 0)
          addBatch(
            box,
            released.map(({ record }) => record),
          );
      }),

    state: (workspace, name, call) => lifetime.run(call, () => find(workspace)?.state.get(name)),

    setState: (workspace, name, value, call) =>
      lifetime.run(call, () => {
        if (value !== undefined && /\p{Surrogate}/u.test(value)) throw new StoreError('invalid', 'a named value is well-formed text');
        const { state } = make(workspace);
        if (value === undefined) state.delete(name);
        else state.set(name, value);
      }),

    close: () => lifetime.close(),
  };
}

/** Sound records, and nobody else's. */
function copyRecords(records: readonly OpRecord[]): readonly OpRecord[] {
  return checkRecords(records, unlimited).records;
}

/** No id holds a slash. */
function keyOf({ tree, peer, counter }: RecordId): string {
  return `${tree}/${peer}/${counter}`;
}

function isSame(a: OpRecord, b: OpRecord): boolean {
  return keyOf(a) === keyOf(b) && equalBytes(a.body, b.body);
}
