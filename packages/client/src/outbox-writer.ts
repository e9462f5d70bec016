import {
  type CallOptions,
  checkRecords,
  type OpRecord,
  type Outbox,
  type OutboxBatch,
  StoreError,
  throwIfAborted,
  type WorkspaceId,
} from '@spacestore/core';

/** What one batch may hold, so that a server takes it as one append. */
export interface BatchLimits {
  readonly maxCallRecords: number;
  readonly maxBodyBytes: number;
  /** Bytes of a frame: a batch stays well below. */
  readonly maxFrameBytes: number;
}

export interface OutboxWriter {
  /** Resolves when the records are in the outbox, durable as it is. Calls of one turn share a batch; one call beyond the limits becomes
   *  several. Throws: invalid, too_large (a body no server takes; nothing was kept then), and what the outbox throws. */
  readonly append: (records: readonly OpRecord[], call?: CallOptions) => Promise<void>;
  /** Records handed in and not yet durable. */
  readonly writing: () => number;
  /** Resolves when nothing is being written, with the number of the last batch written; 0 for none. */
  readonly settled: () => Promise<number>;
}

interface Call {
  readonly records: readonly OpRecord[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Room for a record's id and lengths in a frame. */
const recordOverhead = 300;

export function outboxWriter(
  outbox: Outbox,
  workspace: WorkspaceId,
  limits: () => BatchLimits,
  onChange: (added: OutboxBatch | undefined) => void,
): OutboxWriter {
  const queue: Call[] = [];
  let writing = 0;
  let lastBatch = 0;
  let run: Promise<void> | undefined;

  const writeAll = async (): Promise<void> => {
    await Promise.resolve(); // the rest of this turn's calls
    while (queue.length > 0) await writeSome();
    run = undefined;
  };
  const writeSome = async (): Promise<void> => {
    const calls = takeCalls(queue, limits());
    const records = calls.flatMap((call) => call.records);
    try {
      for (const part of split(records, limits())) {
        const batch = await outbox.add(workspace, part);
        lastBatch = batch.batch;
        writing -= part.length;
        onChange(batch);
      }
      for (const { resolve } of calls) resolve();
    } catch (error) {
      writing = queue.reduce((sum, call) => sum + call.records.length, 0);
      onChange(undefined);
      for (const { reject } of calls) reject(error);
    }
  };

  return {
    append: (records, call) =>
      new Promise<void>((resolve, reject) => {
        throwIfAborted(call);
        const checked = checkRecords(records, { maxBodyBytes: limits().maxBodyBytes, maxCallRecords: Number.MAX_SAFE_INTEGER });
        if (checked.records.length === 0) return resolve();
        const bytes = checked.bytes + checked.records.length * recordOverhead;
        queue.push({ records: checked.records, bytes, resolve, reject });
        writing += checked.records.length;
        onChange(undefined);
        run ??= writeAll();
      }),
    writing: () => writing,
    settled: async () => {
      while (run !== undefined) await run;
      return lastBatch;
    },
  };
}

/** As many calls as fit into one batch, at least one. */
function takeCalls(queue: Call[], limits: BatchLimits): readonly Call[] {
  const first = queue.shift();
  if (first === undefined) throw new StoreError('internal', 'no call to take');
  const taken = [first];
  let records = first.records.length;
  let bytes = first.bytes;
  for (let next = queue[0]; next !== undefined; next = queue[0]) {
    records += next.records.length;
    bytes += next.bytes;
    if (records > limits.maxCallRecords || bytes > limits.maxFrameBytes / 2) break;
    queue.shift();
    taken.push(next);
  }
  return taken;
}

/** The records in order, in parts that fit. */
export function split(records: readonly OpRecord[], { maxCallRecords, maxFrameBytes }: BatchLimits): readonly (readonly OpRecord[])[] {
  const parts: OpRecord[][] = [];
  let part: OpRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = record.body.length + recordOverhead;
    if (part.length > 0 && (part.length >= maxCallRecords || bytes + size > maxFrameBytes / 2)) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(record);
    bytes += size;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}
