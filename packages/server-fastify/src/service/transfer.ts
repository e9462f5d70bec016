import { type CallOptions, parseTreeId, type ReadQuery, StoreError, type StoreErrorCode, toStoreError } from '@spacestore/core';
import type { Activity } from './activity.ts';
import type { Gate } from './gate.ts';
import type { Grant } from './grant.ts';
import { gunzipped } from './gunzip.ts';
import { type Line, linesOf } from './lines.ts';
import type { Operations } from './operations.ts';
import type { ServiceParts } from './stores.ts';
import { appendWhatFits, type NumberedRecord, recordKey } from './transfer-batch.ts';
import { lineOfRecord, recordOfLine } from './transfer-line.ts';

export interface ImportProblem {
  readonly line: number;
  readonly code: StoreErrorCode;
  readonly message: string;
  readonly id?: { readonly tree: string; readonly peer: string; readonly counter: number };
}

export interface ImportReport {
  readonly lines: number;
  readonly added: number;
  /** There already, byte for byte. */
  readonly duplicates: number;
  /** The same id with other content: what was stored first stays. */
  readonly conflicts: number;
  /** Lines that are no operation. */
  readonly refused: number;
  /** Transient properties are presence, not data. */
  readonly transient: number;
  /** The first hundred lines left out, and why. */
  readonly problems: readonly ImportProblem[];
}

/** Operations as lines of JSON: in with a report, out as of one moment. */
export interface Transfer {
  /** Stores every line that can be stored; the others are reported and counted, never fatal. Adding the same again changes nothing.
   *  Throws: what makes going on senseless (denied, quota, unavailable, a broken gzip); what was stored before stays and is told in the context. */
  readonly import: (grant: Grant, bytes: AsyncIterable<Uint8Array>, call?: CallOptions) => Promise<ImportReport>;
  /** Lines with their line breaks, in commit order, up to the head at the time of the call. */
  readonly export: (grant: Grant, trees?: readonly string[], call?: CallOptions) => Promise<AsyncIterable<string>>;
}

export interface TransferParts extends Pick<ServiceParts, 'directory' | 'limits'> {
  readonly gate: Gate;
  readonly operations: Operations;
  readonly activity: Activity;
}

const maxProblems = 100;

export function transfer({ directory, limits, gate, operations, activity }: TransferParts): Transfer {
  const importLines = async (grant: Grant, lines: AsyncIterable<Line>, signal: AbortSignal): Promise<ImportReport> => {
    const count = { lines: 0, added: 0, duplicates: 0, conflicts: 0, refused: 0, transient: 0 };
    const problems: ImportProblem[] = [];
    let current = grant;
    let batch = new Map<string, NumberedRecord>();
    let bytes = 0;

    const report = (line: number, error: StoreError, id?: ImportProblem['id']): void => {
      if (error.code === 'equivocation') count.conflicts++;
      else count.refused++;
      if (problems.length < maxProblems) problems.push({ line, code: error.code, message: error.message, ...(id && { id }) });
    };
    const flush = async (): Promise<void> => {
      const result = await appendWhatFits(operations, current, [...batch.values()], signal);
      batch = new Map();
      bytes = 0;
      current = result.grant;
      count.added += result.added;
      count.duplicates += result.duplicates;
      for (const { item, error } of result.refused) {
        const { tree, peer, counter } = item.record;
        report(item.line, error, { tree, peer, counter });
      }
    };
    const take = async (line: Line): Promise<void> => {
      count.lines++;
      let record: ReturnType<typeof recordOfLine>;
      try {
        record = recordOfLine(current.entry.codec, line);
      } catch (error) {
        report(line.number, toStoreError(error));
        return;
      }
      if (record === 'transient') {
        count.transient++;
        return;
      }
      if (batch.size >= limits.callRecords || bytes + record.body.length > limits.callBytes) await flush();
      const key = recordKey(record);
      const same = batch.get(key);
      if (same) {
        if (Buffer.compare(same.record.body, record.body) === 0) count.duplicates++;
        else report(line.number, new StoreError('equivocation', 'the same id was used for another operation before'), idOf(record));
        return;
      }
      batch.set(key, { line: line.number, record });
      bytes += record.body.length;
    };

    try {
      for await (const line of lines) await take(line);
      await flush();
      return { ...count, problems };
    } catch (cause) {
      const error = toStoreError(cause);
      throw new StoreError(error.code, error.message, { context: { ...error.context, ...count }, cause });
    } finally {
      await audit(grant, 'import', count);
    }
  };

  const audit = (grant: Grant, action: string, detail: Readonly<Record<string, unknown>>): Promise<void> =>
    directory.audit({ workspace: grant.workspace, user: grant.user, action, outcome: 'done', detail: { ...detail } });

  async function* exportLines(grant: Grant, first: ReadQuery, call?: CallOptions): AsyncGenerator<string> {
    for (let query: ReadQuery | undefined = first; query !== undefined; ) {
      const page = await operations.read(grant, query, call);
      if (page.records.length > 0) yield page.records.map((record) => `${lineOfRecord(grant.entry.codec, record)}\n`).join('');
      query = page.next;
    }
  }

  return {
    import: async (grant, bytes, call) => {
      await gate.require(grant, 'import');
      return activity.run(grant.workspace, call?.signal, (signal) =>
        importLines(grant, linesOf(gunzipped(bytes), limits.lineBytes), signal),
      );
    },
    export: async (grant, trees, call) => {
      await gate.require(grant, 'export');
      const query: ReadQuery = { limit: limits.pageRecords, ...(trees && { trees: trees.map(parseTreeId) }) };
      await audit(grant, 'export', trees ? { trees: trees.length } : {});
      return exportLines(grant, query, call);
    },
  };
}

function idOf({
  tree,
  peer,
  counter,
}: {
  readonly tree: string;
  readonly peer: string;
  readonly counter: number;
}): NonNullable<ImportProblem['id']> {
  return { tree, peer, counter };
}
