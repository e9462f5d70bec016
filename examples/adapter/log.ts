import {
  type ChainDigest,
  type CounterRange,
  type Cursor,
  type CursorParts,
  chainTag,
  emptyChain,
  encodeCursor,
  extendChain,
  type Head,
  type OpRecord,
  type PeerId,
  reachOfCursor,
  recordDigest,
  type StoredRecord,
  staleCursor,
  type TreeId,
  type UserId,
  vectorOf,
  type WorkspaceId,
} from '@spacestore/core';

/** What the journal's lines say. Replaying them makes the logs; nothing else changes a log. */
export type Event =
  | {
      readonly kind: 'append';
      readonly workspace: WorkspaceId;
      /** Of the log that is made, if there is none. */
      readonly incarnation: string;
      readonly receivedAt: number;
      readonly via?: UserId;
      readonly records: readonly (readonly [tree: TreeId, peer: PeerId, counter: number, base64: string])[];
    }
  | { readonly kind: 'fence'; readonly workspace: WorkspaceId; readonly incarnation: string; readonly epoch: number }
  | { readonly kind: 'drop'; readonly workspace: WorkspaceId };

/** A workspace's log. Records are added at the end and never changed. */
export interface Log {
  readonly incarnation: string;
  /** The record at position p is at p − 1. */
  readonly records: StoredRecord[];
  readonly byId: Map<string, StoredRecord>;
  /** The chain's digest behind each record. A real store keeps one a commit group. */
  readonly chain: ChainDigest[];
  epoch: number;
  bytes: number;
  maxCounter: number;
}

export type Logs = Map<WorkspaceId, Log>;

/** No id holds a slash. */
export function idOf({ tree, peer, counter }: Omit<OpRecord, 'body'>): string {
  return `${tree}/${peer}/${counter}`;
}

export function applyEvent(logs: Logs, event: Event): void {
  if (event.kind === 'drop') {
    logs.delete(event.workspace);
    return;
  }
  const log = logs.get(event.workspace) ?? createLog(event.incarnation);
  logs.set(event.workspace, log);
  if (event.kind === 'fence') {
    log.epoch = Math.max(log.epoch, event.epoch);
    return;
  }
  const { receivedAt, via } = event;
  for (const [tree, peer, counter, base64] of event.records) {
    const body = new Uint8Array(Buffer.from(base64, 'base64'));
    const position = log.records.length + 1;
    const record = { tree, peer, counter, body, position, receivedAt, ...(via !== undefined && { via }) };
    log.records.push(record);
    log.byId.set(idOf(record), record);
    log.chain.push(extendChain(log.chain.at(-1) ?? emptyChain, [recordDigest(record)]));
    log.bytes += body.length;
    log.maxCounter = Math.max(log.maxCounter, counter);
  }
}

function createLog(incarnation: string): Log {
  return { incarnation, records: [], byId: new Map(), chain: [], epoch: 0, bytes: 0, maxCounter: -1 };
}

function chainTagAt(log: Log, position: number): string {
  return chainTag(log.chain[position - 1] ?? emptyChain);
}

export function cursorAt(log: Log, position: number): Cursor {
  return encodeCursor({ incarnation: log.incarnation, position, chain: chainTagAt(log, position) });
}

/** The position a cursor names in this log. Throws: stale_cursor, if it is of another history. */
export function positionOf(log: Log, cursor: CursorParts): number {
  const here = { incarnation: log.incarnation, lineage: [], position: log.records.length };
  const known = reachOfCursor(here, cursor) !== undefined && chainTagAt(log, cursor.position) === cursor.chain;
  if (known) return cursor.position;
  throw staleCursor({ ...here, cursor: cursorAt(log, here.position) });
}

export function headOf(log: Log): Head {
  const { incarnation, records, epoch, bytes, maxCounter } = log;
  const position = records.length;
  return { incarnation, lineage: [], position, cursor: cursorAt(log, position), epoch, records: position, bytes, maxCounter };
}

/** The ranges of counters up to a position, one by one, by tree and peer. */
export function rangesOf(
  log: Log,
  through: number,
  trees: readonly TreeId[] | undefined,
): readonly { readonly tree: TreeId; readonly peer: PeerId; readonly range: CounterRange }[] {
  const named = trees && new Set(trees);
  const vector = vectorOf(log.records.slice(0, through).filter(({ tree }) => named === undefined || named.has(tree)));
  return sorted(vector).flatMap(([tree, peers]) =>
    sorted(peers).flatMap(([peer, ranges]) => ranges.map((range) => ({ tree, peer, range }))),
  );
}

function sorted<Key extends string, Value>(map: ReadonlyMap<Key, Value>): readonly (readonly [Key, Value])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}
