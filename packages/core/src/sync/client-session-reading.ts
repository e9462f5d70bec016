import type { TreeId } from '../ids.ts';
import type { Cursor, Fork } from '../log/cursor.ts';
import { decodeCursor, parseCursor } from '../log/cursor.ts';
import { backoffMs } from './client-session-backoff.ts';
import type { ClientSessionOptions, ClientWorkspace, Emit, Feed, Mark, Moment, PlacedRecord, TreeSet } from './client-session-types.ts';
import type { ClientMessage, Lag, OpsDown, PageMessage, Refused } from './messages.ts';
import { activate, applyMarks, furthest, ownerOf, positionOf } from './tree-sets.ts';

/** How a workspace speaks on the open connection. */
export interface Wire {
  readonly ws: number;
  readonly send: (message: ClientMessage) => void;
}

const wants: Feed = { kind: 'wants', through: null };

export function subscribe(workspace: ClientWorkspace, trees: readonly TreeId[] | null, wire: Wire | undefined): ClientWorkspace {
  const { opened, dormant } = activate(workspace.sets, workspace.dormant, trees);
  let { nextSub } = workspace;
  const added = opened.map((place): TreeSet => {
    const set: TreeSet = {
      sub: nextSub++,
      trees: place.trees === null ? null : new Set(place.trees),
      received: place.cursor,
      handled: place.cursor,
      feed: { kind: 'off' },
    };
    return wire === undefined ? set : openSet(set, wire);
  });
  return { ...workspace, nextSub, dormant, sets: [...workspace.sets, ...added] };
}

/** Opens every set anew: on a connection that was just joined. */
export function openSets(workspace: ClientWorkspace, wire: Wire): ClientWorkspace {
  const merged = mergeSets(workspace, undefined, () => true);
  return { ...merged, sets: merged.sets.map((set) => openSet(set, wire)) };
}

/** Nothing comes any more; places stay. */
export function closeSets(workspace: ClientWorkspace): ClientWorkspace {
  return { ...workspace, sets: workspace.sets.map((set) => ({ ...set, feed: { kind: 'off' } })) };
}

function openSet(set: TreeSet, wire: Wire): TreeSet {
  wire.send({ kind: 'sub', ws: wire.ws, sub: set.sub, trees: set.trees === null ? null : [...set.trees], cursor: set.received });
  return { ...set, feed: wants };
}

/** Asks for the next page of the first set that wants one, if the app keeps up. Tells whether it did. */
export function pullNext(
  workspace: ClientWorkspace,
  wire: Wire,
  { now }: Moment,
  options: ClientSessionOptions,
): { readonly workspace: ClientWorkspace; readonly asked: boolean } {
  const asked = workspace.sets.filter((set) => set.feed.kind === 'asked').length;
  const set = workspace.sets.find(({ feed }) => feed.kind === 'wants');
  if (set?.feed.kind !== 'wants' || workspace.deliveries.length + asked >= options.pagesAhead) return { workspace, asked: false };
  wire.send({ kind: 'pull', ws: wire.ws, sub: set.sub, after: set.received, through: set.feed.through });
  return { workspace: withSet(workspace, { ...set, feed: { kind: 'asked', at: now, lagged: false, seen: 0 } }), asked: true };
}

export function onPage(workspace: ClientWorkspace, page: PageMessage, wire: Wire, emit: Emit): ClientWorkspace {
  const set = workspace.sets.find(({ sub }) => sub === page.sub);
  if (set?.feed.kind === 'spoiled') return withSet(workspace, openSet(set, wire));
  if (set?.feed.kind !== 'asked') return workspace;
  const reached = page.next ?? page.through ?? set.received;
  const from = positionOf(set.received);
  const records = page.records.filter(({ tree, position }) => position > from && ownerOf(workspace.sets, tree) === set);
  // Live records that overtook the end of this page are not in it, and the set was not listening yet: ask once more.
  const overtaken = set.feed.lagged || set.feed.seen > positionOf(reached);
  const feed: Feed = page.next !== null ? { kind: 'wants', through: page.through } : overtaken ? wants : ({ kind: 'fed' } satisfies Feed);
  const read = withSet(workspace, { ...set, received: reached, feed });
  const delivered = reached === set.received ? read : deliver(read, records, [{ sub: set.sub, cursor: reached }], emit);
  return mergeSets(sawHead(delivered, page.through), wire, isCaughtUp);
}

export function onOps(workspace: ClientWorkspace, ops: OpsDown, options: ClientSessionOptions, emit: Emit): ClientWorkspace {
  const position = positionOf(ops.cursor);
  const waiting = workspace.deliveries.reduce((sum, { bytes }) => sum + bytes, 0);
  if (waiting > options.behindBytes)
    return {
      ...workspace,
      sets: workspace.sets.map((set) => (set.feed.kind === 'fed' ? { ...set, feed: wants } : sawMeanwhile(set, position))),
    };
  const fed = workspace.sets.filter((set) => set.feed.kind === 'fed' && position > positionOf(set.received));
  const places = new Map(fed.map((set) => [set, positionOf(set.received)]));
  const only = fed.length === 1 && workspace.sets.length === 1 && fed[0]?.trees === null ? fed[0] : undefined;
  const records: PlacedRecord[] = [];
  for (const { firstPosition, records: block } of ops.blocks)
    for (const [index, record] of block.entries()) {
      const owner = only ?? ownerOf(workspace.sets, record.tree);
      const from = owner === undefined ? undefined : places.get(owner);
      if (from !== undefined && firstPosition + index > from) records.push({ ...record, position: firstPosition + index });
    }
  const marks = fed.map(({ sub }): Mark => ({ sub, cursor: ops.cursor }));
  const sets = workspace.sets.map((set) => (places.has(set) ? { ...set, received: ops.cursor } : sawMeanwhile(set, position)));
  return deliver(sawHead({ ...workspace, sets }, ops.cursor), records, marks, emit);
}

/** What an ACK says of reading: fed sets lack nothing up to here but the client's own records. */
export function onResumePoint(workspace: ClientWorkspace, cursor: Cursor, emit: Emit): ClientWorkspace {
  const position = positionOf(cursor);
  const moved = workspace.sets.filter((set) => set.feed.kind === 'fed' && position > positionOf(set.received));
  if (moved.length === 0) return sawHead(workspace, cursor);
  const sets = workspace.sets.map((set) => (moved.includes(set) ? { ...set, received: cursor } : set));
  return deliver(
    sawHead({ ...workspace, sets }, cursor),
    [],
    moved.map(({ sub }) => ({ sub, cursor })),
    emit,
  );
}

export function onLag(workspace: ClientWorkspace, { sub }: Lag): ClientWorkspace {
  const set = workspace.sets.find((candidate) => candidate.sub === sub);
  if (set?.feed.kind === 'fed') return withSet(workspace, { ...set, feed: wants });
  if (set?.feed.kind === 'asked') return withSet(workspace, { ...set, feed: { ...set.feed, lagged: true } });
  return workspace;
}

/** A SUB or PULL that was not served: for the moment, for the cursor's history, or for good on this connection. */
export function onReadRefused(
  workspace: ClientWorkspace,
  refused: Refused,
  wire: Wire,
  moment: Moment,
  options: ClientSessionOptions,
  emit: Emit,
): ClientWorkspace {
  const set = workspace.sets.find(({ sub }) => sub === refused.request);
  if (set === undefined) return workspace;
  if (set.feed.kind === 'spoiled') return refused.of === 'pull' ? withSet(workspace, openSet(set, wire)) : workspace;
  if (refused.code === 'stale_cursor') {
    const { place, lineage } = forkOf(set.received, refused.context);
    if (!workspace.told) emit({ kind: 'reconcile', workspace: workspace.id, from: place, lineage });
    const moved: TreeSet = { ...set, received: place };
    const spoiled = set.feed.kind === 'asked' && refused.of === 'sub';
    const next = withSet(workspace, spoiled ? { ...moved, feed: { kind: 'spoiled', at: moment.now } } : openSet(moved, wire));
    return deliver({ ...next, told: true }, [], [{ sub: set.sub, cursor: place }], emit);
  }
  const retryable = refused.code === 'busy' || refused.code === 'unavailable' || refused.code === 'internal';
  const attempts = set.feed.kind === 'later' ? set.feed.attempts + 1 : 0;
  const feed: Feed = retryable
    ? { kind: 'later', at: moment.now + options.backoffBaseMs + backoffMs(options, attempts, moment), attempts }
    : { kind: 'failed', code: refused.code, message: refused.message };
  return withSet(workspace, { ...set, feed });
}

/** Sets whose time to try again has come are opened anew. */
export function retrySets(workspace: ClientWorkspace, wire: Wire, { now }: Moment): ClientWorkspace {
  if (!workspace.sets.some(({ feed }) => feed.kind === 'later' && feed.at <= now)) return workspace;
  return { ...workspace, sets: workspace.sets.map((set) => (set.feed.kind === 'later' && set.feed.at <= now ? openSet(set, wire) : set)) };
}

/** The app handled a delivery: its places hold now and may be kept. */
export function onHandled(workspace: ClientWorkspace, delivery: number, wire: Wire | undefined, emit: Emit): ClientWorkspace {
  const [first, ...rest] = workspace.deliveries;
  if (first?.id !== delivery) return workspace;
  const next = { ...workspace, deliveries: rest, sets: applyMarks(workspace.sets, first.marks) };
  const merged = wire === undefined ? next : mergeSets(next, wire, isCaughtUp);
  save(merged, emit);
  return merged;
}

/** Keeps what holds now. */
export function save(workspace: ClientWorkspace, emit: Emit): void {
  const active = workspace.sets.map(({ trees, handled }) => ({ trees: trees === null ? null : [...trees], cursor: handled }));
  emit({ kind: 'save', workspace: workspace.id, places: { head: workspace.head, sets: [...active, ...workspace.dormant] } });
}

function deliver(workspace: ClientWorkspace, records: readonly PlacedRecord[], marks: readonly Mark[], emit: Emit): ClientWorkspace {
  if (marks.length === 0) return workspace;
  const id = workspace.nextDelivery;
  emit({ kind: 'deliver', workspace: workspace.id, delivery: id, records });
  const bytes = records.reduce((sum, { body }) => sum + body.length + 64, 0);
  return { ...workspace, nextDelivery: id + 1, deliveries: [...workspace.deliveries, { id, bytes, marks }] };
}

function withSet(workspace: ClientWorkspace, set: TreeSet): ClientWorkspace {
  return { ...workspace, sets: workspace.sets.map((other) => (other.sub === set.sub ? set : other)) };
}

function sawMeanwhile(set: TreeSet, position: number): TreeSet {
  return set.feed.kind === 'asked' ? { ...set, feed: { ...set.feed, seen: Math.max(set.feed.seen, position) } } : set;
}

function sawHead(workspace: ClientWorkspace, cursor: Cursor | null): ClientWorkspace {
  return { ...workspace, head: furthest(workspace.head, cursor) };
}

function isCaughtUp(set: TreeSet): boolean {
  return set.feed.kind === 'fed';
}

/** Joins sets that stand at one place, in hand and on disk. On the wire the union replaces the first of them, so that no record falls between. */
function mergeSets(workspace: ClientWorkspace, wire: Wire | undefined, mayMerge: (set: TreeSet) => boolean): ClientWorkspace {
  if (workspace.sets.length < 2) return workspace;
  const places = new Map<Cursor | null, TreeSet[]>();
  for (const set of workspace.sets)
    if (set.handled === set.received && mayMerge(set)) places.set(set.received, [...(places.get(set.received) ?? []), set]);
  let sets = workspace.sets;
  for (const group of places.values()) {
    const kept = group.find(({ trees }) => trees === null) ?? group[0];
    if (kept === undefined || group.length < 2) continue;
    const union = kept.trees === null ? null : new Set(group.flatMap(({ trees }) => [...(trees ?? [])]));
    if (wire !== undefined) {
      if (union !== null) wire.send({ kind: 'sub', ws: wire.ws, sub: kept.sub, trees: [...union], cursor: kept.received });
      for (const { sub } of group) if (sub !== kept.sub) wire.send({ kind: 'unsub', ws: wire.ws, sub });
    }
    sets = sets.filter((set) => set === kept || !group.includes(set)).map((set) => (set === kept ? { ...kept, trees: union } : set));
  }
  return { ...workspace, sets };
}

/** The newest place the server's history and this cursor's share, as far as the refusal tells: the fork from the cursor's history, or the start. */
function forkOf(cursor: Cursor | null, context: Refused['context']): { readonly place: Cursor | null; readonly lineage: readonly Fork[] } {
  const given: readonly unknown[] = Array.isArray(context.lineage) ? context.lineage : [];
  const lineage = given.map((fork): Fork => {
    const { incarnation, forkedAt } = fork as { incarnation: unknown; forkedAt: unknown };
    return { incarnation: String(incarnation), forkedAt: parseCursor(forkedAt) };
  });
  const own = cursor === null ? undefined : decodeCursor(cursor);
  const fork = lineage.find(({ incarnation }) => incarnation === own?.incarnation);
  // A fork at or beyond the cursor did not help: the histories part earlier than anybody can tell (a copied-back file).
  const useful = fork !== undefined && own !== undefined && positionOf(fork.forkedAt) < own.position;
  return { place: useful ? fork.forkedAt : null, lineage };
}
