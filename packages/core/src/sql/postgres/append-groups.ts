import type { AppendResult } from '../../contracts/op-store.ts';
import { hasCode, isStoreError, StoreError } from '../../errors.ts';
import type { WorkspaceId } from '../../ids.ts';
import type { ChainDigest } from '../../log/chain.ts';
import type { GroupVerdict } from '../group-commit.ts';
import { type AppendCall, refuseByEpoch } from '../log/append-group.ts';
import { integers, texts } from './arrays.ts';
import { chainParts, chainSteps } from './cursors.ts';
import type { PostgresStep } from './engine.ts';
import { judgeCall, type LogAtWork, put } from './judge-calls.ts';
import { headCursor, headsOf, insertHeads, lockHeads, moveHeads, newHead, type SharedHead } from './log-head.ts';
import { addPair, type ChainLink, extendTail, isCurrent, type LogState, newState, type Pair, pairOf } from './log-state.ts';
import { insertLinks, insertPairs, insertRecords } from './record-rows.ts';
import type { PostgresTransaction } from './transaction.ts';

/** The calls of one workspace that are committed together, and what is known of its log. */
export interface LogGroup {
  readonly workspace: WorkspaceId;
  readonly calls: readonly AppendCall[];
  readonly known: LogState | undefined;
}

export interface GroupOutcome {
  readonly verdicts: readonly GroupVerdict<AppendResult>[];
  /** For the next group; undefined where there is no log. */
  readonly state: LogState | undefined;
}

/** Thrown where the heads are not what was thought: to be begun anew, knowing nothing. */
export const headsMoved: StoreError = new StoreError('busy', 'the log was begun or dropped meanwhile');

/** Appends the groups of several workspaces, each with a verdict for each of its calls, and commits. Two round trips where everything is known and new;
 *  one more where records may be there already, and one where another server has written. Throws where the database fails: then nothing has happened. */
export async function appendGroups(
  transaction: PostgresTransaction,
  groups: readonly LogGroup[],
  now: number,
): Promise<readonly GroupOutcome[]> {
  const heads = await openHeads(transaction, groups);
  const logs = await loadLogs(transaction, groups, heads);
  await findStored(transaction, groups, logs);
  const verdicts = groups.map(({ calls }, i) => judgeAll(logs[i], calls, now));
  await write(transaction, logs);
  return groups.map((_, i) => outcomeOf(logs[i], verdicts[i] as readonly CallVerdict[]));
}

const createsLog = (call: AppendCall): boolean => call.records.length > 0 && call.ifEpoch === undefined;

interface OpenHead {
  readonly head: SharedHead;
  /** Made by this transaction. */
  readonly isNew: boolean;
}

/** The locked heads; a log that a call would begin gets one, in the same round trip. */
async function openHeads(transaction: PostgresTransaction, groups: readonly LogGroup[]): Promise<readonly (OpenHead | undefined)[]> {
  const beginning = groups
    .filter(({ known, calls }) => known === undefined && calls.some(createsLog))
    .map(({ workspace }) => newHead(workspace));
  const [locked, made] = await transaction.send([
    lockHeads(groups.map(({ workspace }) => workspace)),
    ...(beginning.length > 0 ? [insertHeads(beginning)] : []),
  ]);
  const found = new Map<string, OpenHead>(headsOf(locked).map((head) => [head.workspace, { head, isNew: false }]));
  const inserted = new Set(made?.rows.map(([workspace]) => workspace));
  for (const head of beginning) {
    if (inserted.has(head.workspace)) found.set(head.workspace, { head, isNew: true });
    else if (!found.has(head.workspace)) throw headsMoved; // somebody else began it between the two statements
  }
  return groups.map(({ workspace, known, calls }) => {
    const head = found.get(workspace);
    if (!head && known && calls.some(createsLog)) throw headsMoved; // dropped since it was known
    return head;
  });
}

/** What is needed to judge: from memory where nobody else has written since, otherwise from the database. */
async function loadLogs(
  transaction: PostgresTransaction,
  groups: readonly LogGroup[],
  heads: readonly (OpenHead | undefined)[],
): Promise<readonly (LogAtWork | undefined)[]> {
  const steps: PostgresStep[] = [];
  const stale = heads.map((open, i) => open !== undefined && !open.isNew && !isCurrent(groups[i]?.known, open.head));
  heads.forEach((open, i) => {
    if (open && stale[i]) steps.push(...chainSteps(open.head, open.head.position));
  });
  const wanted = wantedPairs(groups, heads, stale);
  if (wanted.length > 0) steps.push(selectPairs(wanted));
  const answers = steps.length > 0 ? [...(await transaction.send(steps))] : [];
  const logs = heads.map((open, i): LogAtWork | undefined => {
    if (!open) return undefined;
    const { head, isNew } = open;
    let state = groups[i]?.known;
    if (isNew || !isCurrent(state, head)) {
      const { link, digests } = isNew ? { link: head.chain, digests: [] } : chainParts(head.position, answers.splice(0, 2));
      state = newState(head, link as ChainDigest, digests);
    }
    return { head, state, exists: !isNew, stored: new Map(), rows: [], newPairs: [] };
  });
  const found = new Map(
    (answers[0]?.rows ?? []).map(([n, id, highest]) => [n as number, { id: id as number, highest: (highest ?? -1) as number }]),
  );
  wanted.forEach(({ log, tree, peer }, i) => {
    const { id, highest } = found.get(i + 1) ?? { id: 0, highest: -1 };
    const { state } = logs[log] as LogAtWork;
    if (!pairOf(state, tree, peer)) addPair(state, tree, peer, id, highest);
  });
  return logs;
}

interface WantedPair {
  readonly log: number;
  readonly workspace: WorkspaceId;
  readonly tree: string;
  readonly peer: string;
}

function wantedPairs(
  groups: readonly LogGroup[],
  heads: readonly (OpenHead | undefined)[],
  stale: readonly boolean[],
): readonly WantedPair[] {
  const wanted = new Map<string, WantedPair>();
  groups.forEach(({ workspace, calls, known }, log) => {
    const open = heads[log];
    if (!open || open.isNew) return; // a log that begins has none
    for (const { records } of calls) {
      let last: { readonly tree: string; readonly peer: string } | undefined;
      for (const { tree, peer } of records) {
        if (last?.tree === tree && last.peer === peer) continue;
        last = { tree, peer };
        if (!stale[log] && known && pairOf(known, tree, peer)) continue;
        wanted.set(`${log}/${tree}/${peer}`, { log, workspace, tree, peer });
      }
    }
  });
  return [...wanted.values()];
}

function selectPairs(wanted: readonly WantedPair[]): PostgresStep {
  return {
    sql: `SELECT q.n, p.id, (SELECT max(r.counter) FROM record r WHERE r.workspace = q.workspace AND r.pair = p.id)
FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS q (workspace, tree, peer, n)
CROSS JOIN LATERAL (SELECT id FROM pair WHERE workspace = q.workspace AND tree = q.tree AND peer = q.peer OFFSET 0) AS p`,
    values: [texts(wanted.map((one) => one.workspace)), texts(wanted.map((one) => one.tree)), texts(wanted.map((one) => one.peer))],
  };
}

/** Looks up what is not above the highest counter of its pair: it may be there already. */
async function findStored(
  transaction: PostgresTransaction,
  groups: readonly LogGroup[],
  logs: readonly (LogAtWork | undefined)[],
): Promise<void> {
  const wanted: { readonly log: LogAtWork; readonly pair: Pair; readonly counter: number }[] = [];
  groups.forEach(({ calls }, i) => {
    const log = logs[i];
    if (!log) return;
    for (const { records } of calls)
      for (const { tree, peer, counter } of records) {
        const pair = pairOf(log.state, tree, peer);
        if (pair && pair.id > 0 && counter <= pair.highest) wanted.push({ log, pair, counter });
      }
  });
  if (wanted.length === 0) return;
  const [answer] = await transaction.send([
    {
      sql: `SELECT q.n, r.position, r.body FROM unnest($1::text[], $2::int[], $3::bigint[]) WITH ORDINALITY AS q (workspace, pair, counter, n)
CROSS JOIN LATERAL (SELECT position, body FROM record WHERE workspace = q.workspace AND pair = q.pair AND counter = q.counter OFFSET 0) AS r`,
      values: [
        texts(wanted.map(({ log }) => log.head.workspace)),
        integers(wanted.map(({ pair }) => pair.id)),
        integers(wanted.map(({ counter }) => counter)),
      ],
    },
  ]);
  for (const [n, position, body] of answer?.rows ?? []) {
    const { log, pair, counter } = wanted[(n as number) - 1] as (typeof wanted)[number];
    put(log.stored, pair, counter, { position: position as number, body: body as Uint8Array });
  }
}

type CallVerdict = { readonly added: number; readonly committedAt: number } | { readonly error: StoreError };

function judgeAll(log: LogAtWork | undefined, calls: readonly AppendCall[], now: number): readonly CallVerdict[] {
  return calls.map((call) => {
    try {
      if (log) return judgeCall(log, call, now);
      refuseByEpoch(undefined, call.ifEpoch);
      return { added: 0, committedAt: 0 };
    } catch (error) {
      // Refusals concern one call; anything else concerns the transaction.
      if (isStoreError(error) && hasCode(error, 'equivocation', 'denied', 'not_found')) return { error };
      throw error;
    }
  });
}

/** The last round trip: what was judged is written and committed. */
async function write(transaction: PostgresTransaction, all: readonly (LogAtWork | undefined)[]): Promise<void> {
  const logs = all.filter((log) => log !== undefined);
  const changed = logs.filter((log) => log.rows.length > 0);
  const links: { workspace: WorkspaceId; rows: readonly ChainLink[] }[] = [];
  for (const log of changed) {
    const { chain, links: rows } = extendTail(
      log.state,
      log.rows.map((row) => row.digest),
    );
    log.head = { ...log.head, chain };
    log.state.position = log.head.position;
    if (rows.length > 0) links.push({ workspace: log.head.workspace, rows });
  }
  const unused = logs.filter((log) => !log.exists).map((log) => log.head.workspace);
  const pairs = changed.filter((log) => log.newPairs.length > 0).map((log) => ({ workspace: log.head.workspace, rows: log.newPairs }));
  await transaction.finish([
    ...(changed.length > 0
      ? [moveHeads(changed.map((log) => log.head)), insertRecords(changed.map(({ head, rows }) => ({ workspace: head.workspace, rows })))]
      : []),
    ...(pairs.length > 0 ? [insertPairs(pairs)] : []),
    ...(links.length > 0 ? [insertLinks(links)] : []),
    ...(unused.length > 0 ? [{ sql: 'DELETE FROM head WHERE workspace = ANY ($1::text[])', values: [texts(unused)] }] : []),
  ]);
}

function outcomeOf(log: LogAtWork | undefined, verdicts: readonly CallVerdict[]): GroupOutcome {
  const through = log?.exists ? headCursor(log.head) : undefined;
  return {
    state: log?.exists ? log.state : undefined,
    verdicts: verdicts.map((verdict) => ('error' in verdict ? verdict : { result: { ...verdict, through } })),
  };
}
