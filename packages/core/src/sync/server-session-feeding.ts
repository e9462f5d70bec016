import type { TreeId } from '../ids.ts';
import { type Cursor, decodeCursor } from '../log/cursor.ts';
import type { Pull, Sub } from './messages.ts';
import type {
  Attachment,
  EmitServer,
  FedGroup,
  PullUnderWay,
  ServerEvent,
  ServerSession,
  Subscription,
  Wanted,
} from './server-session-types.ts';

/** What an attachment's fed subscriptions want together, or undefined if none is fed. */
function wantedOf(subs: Iterable<Subscription>): Wanted | undefined {
  const fed = [...subs].filter((subscription) => subscription.fed);
  if (fed.length === 0) return undefined;
  const from = Math.min(...fed.map((subscription) => subscription.from));
  const trees = new Set<TreeId>();
  for (const subscription of fed) {
    if (subscription.trees === null) return { trees: null, key: '*', from };
    for (const tree of subscription.trees) trees.add(tree);
  }
  return { trees, key: [...trees].sort().join(), from };
}

function setFed(attachment: Attachment, subscription: Subscription, fed: boolean, from: number): void {
  subscription.fed = fed;
  subscription.from = from;
  attachment.wanted = wantedOf(attachment.subs.values());
}

/** Of one workspace on one connection: beyond, subscriptions cost more than they are worth to anybody but an attacker. */
const maxSubs = 1000;
const maxTrees = 200_000;

/** A subscription is there from now on; fed where nothing lies between its cursor and what comes, else the client is told to PULL. */
export function onSub(attachment: Attachment, { ws, sub, trees, cursor }: Sub, emit: EmitServer): void {
  const subscription: Subscription = { sub, trees: trees === null ? null : new Set(trees), fed: false, from: 0 };
  let named = subscription.trees?.size ?? 0;
  for (const other of attachment.subs.values()) if (other.sub !== sub) named += other.trees?.size ?? 0;
  if (named > maxTrees || (attachment.subs.size >= maxSubs && !attachment.subs.has(sub))) {
    const message = 'too many subscriptions or trees: join them';
    emit({
      kind: 'send',
      message: { kind: 'refused', of: 'sub', request: sub, ws, code: 'quota', message, context: { maxSubs, maxTrees } },
    });
    return;
  }
  const fed = isAtEnd(attachment, cursor) || continuesFed(attachment, subscription, cursor);
  attachment.subs.set(sub, subscription);
  setFed(attachment, subscription, fed, cursor === null ? 0 : decodeCursor(cursor).position);
  if (!fed) emit({ kind: 'send', message: { kind: 'lag', ws, sub } });
}

function isAtEnd({ cursor, reading }: Attachment, at: Cursor | null): boolean {
  return at === cursor && reading === 0;
}

/** A client that joins fed subscriptions asks for their union from a place behind which OPS brought everything of these trees already. */
function continuesFed({ wanted, cursor, position, subs }: Attachment, { trees }: Subscription, at: Cursor | null): boolean {
  if (wanted === undefined || cursor === null || at === null) return false;
  const covered = wanted.trees === null || (trees !== null && [...trees].every((tree) => wanted.trees?.has(tree)));
  const place = decodeCursor(at);
  const since = Math.max(...[...subs.values()].filter(({ fed }) => fed).map(({ from }) => from));
  return covered && place.incarnation === decodeCursor(cursor).incarnation && place.position >= since && place.position <= position;
}

export function onUnsub(attachment: Attachment, sub: number): void {
  attachment.subs.delete(sub);
  attachment.wanted = wantedOf(attachment.subs.values());
}

/** Begins a page. From here until it is on the wire groups are held: none overtakes it, and the subscription can go on behind it. */
export function onPull(session: ServerSession, attachment: Attachment, message: Pull, emit: EmitServer): void {
  const { ws, sub } = message;
  const subscription = attachment.subs.get(sub);
  if (subscription === undefined) {
    const refused = {
      kind: 'refused',
      of: 'pull',
      request: sub,
      ws,
      code: 'invalid',
      message: 'no such subscription',
      context: {},
    } as const;
    emit({ kind: 'send', message: refused });
    return;
  }
  setFed(attachment, subscription, false, 0);
  if (attachment.reading === 0) {
    attachment.heldFrom = attachment.position;
    attachment.overflowed = false;
  }
  attachment.reading++;
  const pull = session.nextSerial++;
  session.pulls.set(pull, { pull, attachment, subscription, page: undefined });
  const { after, through, times = false } = message;
  emit({ kind: 'read', ws, pull, sub, trees: subscription.trees, after, through, times });
}

export function onRead(session: ServerSession, event: Extract<ServerEvent, { kind: 'read' }>, emit: EmitServer): void {
  const under = session.pulls.get(event.pull);
  if (under === undefined) return;
  const { records, next, through } = event;
  under.page = { kind: 'page', ws: under.attachment.ws, sub: under.subscription.sub, records, next, through };
  emit({ kind: 'pack', pull: event.pull, page: under.page, how: session.compress });
}

export function onPacked(session: ServerSession, event: Extract<ServerEvent, { kind: 'packed' }>, emit: EmitServer): void {
  const under = endPull(session, event.pull);
  if (under?.page === undefined) return;
  const { attachment, subscription, page } = under;
  emit({ kind: 'send-frame', frame: event.frame });
  const current = attachment.subs.get(subscription.sub) === subscription;
  if (page.next === null && current) {
    const through = page.through === null ? 0 : decodeCursor(page.through).position;
    const joins = !attachment.overflowed && through >= attachment.heldFrom;
    setFed(attachment, subscription, joins, through);
    if (!joins) emit({ kind: 'send', message: { kind: 'lag', ws: attachment.ws, sub: subscription.sub } });
  }
  release(session, attachment, event.buffered, emit);
}

export function onReadFailed(session: ServerSession, event: Extract<ServerEvent, { kind: 'read-failed' }>, emit: EmitServer): void {
  const under = endPull(session, event.pull);
  if (under === undefined) return;
  const { attachment, subscription } = under;
  const { code, message, context } = event.error;
  emit({ kind: 'send', message: { kind: 'refused', of: 'pull', request: subscription.sub, ws: attachment.ws, code, message, context } });
  release(session, attachment, event.buffered, emit);
}

function endPull(session: ServerSession, pull: number): PullUnderWay | undefined {
  const under = session.pulls.get(pull);
  session.pulls.delete(pull);
  if (under !== undefined) under.attachment.reading--;
  return under;
}

export function onGroup(session: ServerSession, attachment: Attachment, group: FedGroup, buffered: number, emit: EmitServer): void {
  attachment.position = group.position;
  attachment.cursor = group.cursor;
  if (attachment.reading === 0 || attachment.overflowed) {
    feed(session, attachment, group, buffered, emit);
    return;
  }
  attachment.held.push(group);
  attachment.heldBytes += group.bytes;
  if (attachment.heldBytes <= session.options.bufferBytes) return;
  attachment.overflowed = true;
  sendHeld(session, attachment, buffered, emit);
}

/** The room lost its place: whoever was fed has to PULL, and a page under way is no place to go on from. */
export function onGap(attachment: Attachment, position: number, cursor: Cursor | null, emit: EmitServer): void {
  attachment.position = position;
  attachment.cursor = cursor;
  attachment.overflowed = true;
  attachment.held = [];
  attachment.heldBytes = 0;
  drop(attachment, emit);
}

function release(session: ServerSession, attachment: Attachment, buffered: number, emit: EmitServer): void {
  if (attachment.reading === 0) sendHeld(session, attachment, buffered, emit);
}

function sendHeld(session: ServerSession, attachment: Attachment, buffered: number, emit: EmitServer): void {
  const { held } = attachment;
  attachment.held = [];
  attachment.heldBytes = 0;
  for (const group of held) feed(session, attachment, group, buffered, emit);
}

/** To a reader who keeps up the group goes out; one who does not loses its queue and pulls: the log is the queue. */
function feed(session: ServerSession, attachment: Attachment, group: FedGroup, buffered: number, emit: EmitServer): void {
  const { wanted } = attachment;
  if (wanted === undefined || group.position <= wanted.from) return;
  if (buffered > session.options.bufferBytes) drop(attachment, emit);
  else emit({ kind: 'send-group', ws: attachment.ws, group, wanted });
}

function drop(attachment: Attachment, emit: EmitServer): void {
  for (const subscription of attachment.subs.values()) {
    if (!subscription.fed) continue;
    subscription.fed = false;
    emit({ kind: 'send', message: { kind: 'lag', ws: attachment.ws, sub: subscription.sub } });
  }
  attachment.wanted = undefined;
}
