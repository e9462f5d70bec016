import { equalBytes } from '../../bytes.ts';
import { hasCode } from '../../errors.ts';
import type { WorkspaceId } from '../../ids.ts';
import { emptyChain, extendChain } from '../../log/chain.ts';
import { chainStride } from '../log/log-head.ts';
import type { LogProblem, LogReport } from '../log/verify-log.ts';
import type { PostgresDatabase } from './database.ts';
import { headsOf, selectHead } from './log-head.ts';
import { decodeRecord, recordsBetween } from './read-records.ts';
import type { PostgresTransaction } from './transaction.ts';

/** Problems named at most. */
const maxProblems = 1000;
/** Records looked at in one round trip, so many that links lie at the ends. */
const batch = 4 * chainStride;

/** Reads everything of one moment and names what is wrong. Undefined if there is no log. */
export function verifySharedLog(database: PostgresDatabase, workspace: WorkspaceId): Promise<LogReport | undefined> {
  return database.transact({ mode: 'read', binding: [workspace], unbounded: true }, (transaction) => walk(transaction, workspace));
}

async function walk(transaction: PostgresTransaction, workspace: WorkspaceId): Promise<LogReport | undefined> {
  const [answer, beyond] = await transaction.send([
    selectHead(workspace),
    {
      sql: 'SELECT min(position) FROM record WHERE workspace = $1 AND position > (SELECT position FROM head WHERE workspace = $1)',
      values: [workspace],
    },
  ]);
  const [head] = headsOf(answer);
  if (!head) return undefined;
  const problems: LogProblem[] = [];
  const unexpected = beyond?.rows[0]?.[0];
  if (typeof unexpected === 'number') problems.push({ kind: 'unexpected', message: 'a record beyond the head', position: unexpected });
  const seeds = new Map<number, number>();
  let chain = emptyChain;
  let isKnown = true;
  let [bytes, maxCounter, largestBody] = [0, -1, 0];
  let place = 0;
  for (; place < head.position && problems.length < maxProblems; place = Math.min(head.position, place + batch)) {
    const to = Math.min(head.position, place + batch);
    const [records, links] = await transaction.send([
      recordsBetween(workspace, place, to, batch),
      {
        sql: 'SELECT position, chain FROM chain WHERE workspace = $1 AND position > $2 AND position <= $3',
        values: [workspace, place, to],
      },
    ]);
    const rows = new Map((records?.rows ?? []).map((row) => [row[0] as number, row]));
    const stored = new Map((links?.rows ?? []).map(([position, link]) => [position as number, link as Uint8Array]));
    let digests: number[] = [];
    for (let position = place + 1; position <= to; position++) {
      const row = rows.get(position);
      if (row) {
        digests.push(row[6] as number);
        const body = row[7] as Uint8Array;
        bytes += body.length;
        largestBody = Math.max(largestBody, body.length);
        maxCounter = Math.max(maxCounter, row[3] as number);
        try {
          decodeRecord(row, seeds);
        } catch (error) {
          if (!hasCode(error, 'corrupt')) throw error;
          problems.push({ kind: 'changed', message: 'not the record that was stored here', ...error.context });
        }
      } else {
        problems.push({ kind: 'missing', message: 'no record at this place', position });
        isKnown = false;
      }
      if (position % chainStride !== 0) continue;
      chain = extendChain(chain, digests);
      digests = [];
      const link = stored.get(position);
      if (link === undefined || (isKnown && !equalBytes(link, chain)))
        problems.push({ kind: 'chain', message: 'the chain over the records up to here is broken', position });
      // From the stored link on, so that one fault is told once.
      chain = link ?? chain;
      isKnown = true;
    }
    chain = extendChain(chain, digests);
  }
  if (place === head.position && isKnown) {
    if (!equalBytes(chain, head.chain))
      problems.push({ kind: 'chain', message: 'the chain over the records up to the head is broken', position: head.position });
    if (problems.length === 0 && (bytes !== head.bytes || maxCounter !== head.maxCounter))
      problems.push({ kind: 'head', message: 'the head does not sum up its records' });
  }
  return { records: place, largestBody, problems: problems.slice(0, maxProblems) };
}
