import type { StoreErrorCode } from '../errors.ts';
import { type Cursor, decodeCursor } from '../log/cursor.ts';
import { backoffMs, seldomMs } from './client-session-backoff.ts';
import { restartPresence } from './client-session-presence.ts';
import { closeSets, openSets, save, type Wire } from './client-session-reading.ts';
import { newSending, restartSending } from './client-session-sending.ts';
import type { ClientEvent, ClientSessionOptions, ClientWorkspace, Emit, Moment } from './client-session-types.ts';
import type { ClientMessage, Joined, WireHead } from './messages.ts';

export function newWorkspace({ workspace, peers, wish, saved }: Extract<ClientEvent, { kind: 'enter' }>): ClientWorkspace {
  return {
    id: workspace,
    peers,
    wish,
    join: { kind: 'out' },
    joinAttempts: 0,
    head: saved?.head ?? null,
    headless: saved !== null && saved.head === null,
    told: false,
    sets: [],
    dormant: saved?.sets ?? [],
    nextSub: 1,
    deliveries: [],
    nextDelivery: 1,
    sending: newSending,
    presence: new Map(),
    presenceDirty: new Set(),
    presenceAt: 0,
  };
}

/** Asks in, under a request number that nothing else has. */
export function askIn(
  workspace: ClientWorkspace,
  request: number,
  { now }: Moment,
  send: (message: ClientMessage) => void,
): ClientWorkspace {
  send({ kind: 'join', request, workspace: workspace.id, peers: workspace.peers, wish: workspace.wish });
  return { ...workspace, join: { kind: 'asked', request, at: now } };
}

export function onJoined(workspace: ClientWorkspace, joined: Joined, wire: Wire, moment: Moment, emit: Emit): ClientWorkspace {
  const { ws, role, codec, relay, head } = joined;
  const parted = head !== null && (workspace.head === null ? workspace.headless : !continues(head, workspace.head));
  if (parted) emit({ kind: 'reconcile', workspace: workspace.id, from: forkOf(head, workspace.head), lineage: head.lineage });
  const inside: ClientWorkspace = {
    ...workspace,
    join: { kind: 'in', ws, role, codec, relay },
    joinAttempts: 0,
    head: head?.cursor ?? workspace.head,
    headless: head === null && workspace.headless,
    told: parted,
    sending: restartSending(workspace.sending),
  };
  const opened = openSets(restartPresence(inside, moment), wire);
  // Kept even where nothing is read: the next connection may meet another history.
  if (head !== null) save(opened, emit);
  return opened;
}

/** Declared peers belong to somebody else, and none was bound: they are given up, and the app is told. */
export function onTaken(workspace: ClientWorkspace, { taken }: Joined, emit: Emit): ClientWorkspace {
  emit({ kind: 'peers-lost', workspace: workspace.id, why: 'taken', peers: taken, ids: [] });
  return { ...workspace, peers: workspace.peers.filter((peer) => !taken.includes(peer)) };
}

/** Outside, for a reason: asked again soon where the moment is to blame, seldom where the membership is. Everything local stays. */
export function bar(
  workspace: ClientWorkspace,
  reason: { readonly code: StoreErrorCode; readonly message: string },
  moment: Moment,
  options: ClientSessionOptions,
): ClientWorkspace {
  const soon = soonCodes.has(reason.code);
  const attempts = workspace.joinAttempts + 1;
  const wait = soon ? options.backoffBaseMs + backoffMs(options, attempts, moment) : seldomMs(options, moment);
  const { code, message } = reason;
  return { ...goOut(workspace), joinAttempts: attempts, join: { kind: 'barred', code, message, at: moment.now + wait } };
}

/** Reasons that pass by themselves, or by coming in again. */
const soonCodes: ReadonlySet<StoreErrorCode> = new Set([
  'busy',
  'unavailable',
  'closed',
  'aborted',
  'internal',
  'stale_cursor',
  'conflict',
]);

/** Outside because the connection is gone, or by choice. */
export function goOut(workspace: ClientWorkspace): ClientWorkspace {
  return closeSets({ ...workspace, join: { kind: 'out' }, sending: restartSending(workspace.sending) });
}

/** An acknowledgement before any head was seen. Kept before the verdict is, so that no restart forgets it. */
export function markHeadless(workspace: ClientWorkspace, emit: Emit): ClientWorkspace {
  if (workspace.head !== null || workspace.headless) return workspace;
  const marked = { ...workspace, headless: true };
  save(marked, emit);
  return marked;
}

/** Whether the log is the history this client knew. After a restore it is not, even where the fork lies behind the cursor: records this client
 *  was told are safe may stand behind it without its knowing where, since an acknowledgement does not always tell a place. */
function continues(head: WireHead, known: Cursor): boolean {
  const { incarnation, position } = decodeCursor(known);
  return incarnation === head.incarnation && position <= head.position;
}

/** Where the known history was left, if the log tells. */
function forkOf({ lineage }: WireHead, known: Cursor | null): Cursor | null {
  const incarnation = known === null ? undefined : decodeCursor(known).incarnation;
  return lineage.find((fork) => fork.incarnation === incarnation)?.forkedAt ?? null;
}
