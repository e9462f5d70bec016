import { StoreError } from '../errors.ts';
import type { Bye, ClientMessage, Compression, Hello, Join, OpsUp, PresenceUp } from './messages.ts';
import { onGap, onGroup, onPacked, onPull, onRead, onReadFailed, onSub, onUnsub } from './server-session-feeding.ts';
import type { Attachment, EmitServer, ServerEvent, ServerSession, ServerSessionOptions } from './server-session-types.ts';
import { expectVerdict, flushVerdicts, settle } from './server-session-verdicts.ts';

const maxPulls = 2;
/** Numbers of workspaces left that are remembered; beyond, the oldest is forgotten. */
const maxGone = 10_000;
/** Verifying a token may fetch keys. */
const verifyMs = 15_000;

/** One connection as the server sees it, before HELLO. */
export function newServerSession(options: ServerSessionOptions, now: number): ServerSession {
  return {
    options,
    phase: 'greeting',
    user: undefined,
    compress: null,
    renewing: false,
    expiresAt: Number.POSITIVE_INFINITY,
    openedAt: now,
    heardAt: now,
    sentAt: now,
    flushed: 0,
    progressAt: now,
    nextSerial: 1,
    joining: 0,
    asked: new Map(),
    attachments: new Map(),
    gone: new Set(),
    pulls: new Map(),
  };
}

/** Takes one event. The session is changed in place, and what has to be done leaves through `emit`, in order.
 *  Law: deterministic; no clock, chance, socket or store is asked. */
export function stepServerSession(session: ServerSession, event: ServerEvent, emit: EmitServer): void {
  if (session.phase === 'closed') return;
  const told: EmitServer = (effect) => {
    if (effect.kind === 'send' || effect.kind === 'send-frame' || effect.kind === 'send-group') session.sentAt = event.now;
    emit(effect);
  };
  switch (event.kind) {
    case 'message':
      session.heardAt = event.now;
      onMessage(session, event.message, event.bytes, told);
      return;
    case 'malformed':
      session.heardAt = event.now;
      onMalformed(session, event.error, told);
      return;
    case 'verified':
      onVerified(session, event, told);
      return;
    case 'unverified':
      bye(session, event.error.code, event.error.message, retryAfter(event.error, event.reconnectAfterMs), told);
      return;
    case 'joined':
      onJoined(session, event, told);
      return;
    case 'join-failed':
      session.joining--;
      for (const [workspace, { request }] of session.asked) if (request === event.request) session.asked.delete(workspace);
      refuseJoin(event.request, event.error, told);
      return;
    case 'ended':
      onEnded(session, event, told);
      return;
    case 'read':
      onRead(session, event, told);
      return;
    case 'packed':
      onPacked(session, event, told);
      return;
    case 'read-failed':
      onReadFailed(session, event, told);
      return;
    case 'group':
      within(session, event.ws, (attachment) => onGroup(session, attachment, event.group, event.buffered, told));
      return;
    case 'gap':
      within(session, event.ws, (attachment) => onGap(attachment, event.position, event.cursor, told));
      return;
    case 'settled':
      within(session, event.ws, (attachment) => {
        if (attachment.serial === event.attachment) settle(attachment, event.batch, event.error, event.result);
      });
      return;
    case 'flush':
      within(session, event.ws, (attachment) => flushVerdicts(attachment, told));
      return;
    case 'tick':
      onTick(session, event, told);
      return;
    case 'drain':
      bye(session, 'going_away', 'the server closes', event.reconnectAfterMs, told);
      return;
  }
}

function within(session: ServerSession, ws: number, then: (attachment: Attachment) => void): void {
  const attachment = session.attachments.get(ws);
  if (attachment !== undefined) then(attachment);
}

function onMessage(session: ServerSession, message: ClientMessage, bytes: number, emit: EmitServer): void {
  if (message.kind === 'bye') {
    end(session, true, emit);
    return;
  }
  if (session.phase === 'greeting') {
    if (message.kind !== 'hello') {
      bye(session, 'unauthenticated', 'the first frame must be HELLO', null, emit);
      return;
    }
    onHello(session, message, bytes, emit);
    return;
  }
  if (session.phase === 'verifying') {
    bye(session, 'invalid', 'nothing may follow HELLO before WELCOME', null, emit);
    return;
  }
  switch (message.kind) {
    case 'hello':
      bye(session, 'invalid', 'HELLO comes once', null, emit);
      return;
    case 'auth':
      if (session.renewing) {
        bye(session, 'busy', 'a token is being verified', null, emit);
        return;
      }
      session.renewing = true;
      emit({ kind: 'authenticate', token: message.token });
      return;
    case 'join':
      onJoin(session, message, emit);
      return;
    case 'leave':
      joined(session, message.ws, emit, (attachment) => detach(session, attachment, emit));
      return;
    case 'sub':
      joined(session, message.ws, emit, (attachment) => onSub(attachment, message, emit));
      return;
    case 'unsub':
      joined(session, message.ws, emit, (attachment) => onUnsub(attachment, message.sub));
      return;
    case 'pull':
      joined(session, message.ws, emit, (attachment) => {
        if (session.pulls.size >= maxPulls) bye(session, 'invalid', `at most ${maxPulls} PULLs may wait for an answer`, null, emit);
        else onPull(session, attachment, message, emit);
      });
      return;
    case 'ops-up':
      joined(session, message.ws, emit, (attachment) => onOps(session, attachment, message, emit));
      return;
    case 'presence-up':
      joined(session, message.ws, emit, (attachment) => onPresence(session, attachment, message, bytes, emit));
      return;
    case 'ping':
      emit({ kind: 'send', message: { kind: 'pong' } });
      return;
    case 'pong':
      return;
  }
}

/** What is said to a workspace that was left crossed the LEFT on its way; to one never joined it is a fault. */
function joined(session: ServerSession, ws: number, emit: EmitServer, then: (attachment: Attachment) => void): void {
  const attachment = session.attachments.get(ws);
  if (attachment !== undefined) then(attachment);
  else if (!session.gone.has(ws)) bye(session, 'invalid', 'this workspace was not joined', null, emit);
}

function onHello(session: ServerSession, hello: Hello, bytes: number, emit: EmitServer): void {
  const { handshakeBytes, compress } = session.options;
  if (bytes > handshakeBytes) {
    bye(session, 'too_large', `HELLO has at most ${handshakeBytes} bytes`, null, emit);
    return;
  }
  if (!hello.versions.includes(1)) {
    bye(session, 'unsupported', 'this server speaks version 1', null, emit);
    return;
  }
  session.phase = 'verifying';
  session.compress = compress.find((how: Compression) => hello.compress.includes(how)) ?? null;
  emit({ kind: 'authenticate', token: hello.token });
}

function onVerified(session: ServerSession, event: Extract<ServerEvent, { kind: 'verified' }>, emit: EmitServer): void {
  session.expiresAt = event.expiresAt ?? Number.POSITIVE_INFINITY;
  if (session.phase === 'open') {
    session.renewing = false;
    if (event.user !== session.user) bye(session, 'unauthenticated', 'a connection keeps its user', null, emit);
    return;
  }
  session.phase = 'open';
  session.user = event.user;
  const { connection, limits } = session.options;
  const { compress } = session;
  emit({ kind: 'send', message: { kind: 'welcome', version: 1, connection, user: event.user, limits, compress, serverTime: event.now } });
}

function onJoin(session: ServerSession, { request, workspace, peers, wish, results = false }: Join, emit: EmitServer): void {
  for (const attachment of session.attachments.values()) if (attachment.workspace === workspace) detach(session, attachment, emit);
  if (session.attachments.size + session.joining >= session.options.maxWorkspaces) {
    refuseJoin(request, new StoreError('quota', 'too many workspaces on one connection'), emit);
    return;
  }
  session.joining++;
  session.asked.set(workspace, { request, results });
  emit({ kind: 'join', request, workspace, peers, wish });
}

function refuseJoin(request: number, { code, message, context }: StoreError, emit: EmitServer): void {
  emit({ kind: 'send', message: { kind: 'refused', of: 'join', request, ws: null, code, message, context } });
}

function onJoined(session: ServerSession, event: Extract<ServerEvent, { kind: 'joined' }>, emit: EmitServer): void {
  session.joining--;
  const { request, workspace, ws, role, codec, relay, taken, head, position, cursor } = event;
  // Answers may come in another order: the client is in by its latest JOIN, or waits for that.
  const asked = session.asked.get(workspace);
  if (asked?.request !== request) {
    refuseJoin(request, new StoreError('conflict', 'the workspace was joined again meanwhile'), emit);
    return;
  }
  session.asked.delete(workspace);
  within(session, ws, (earlier) => detach(session, earlier, emit));
  const serial = session.nextSerial++;
  session.gone.delete(ws);
  session.attachments.set(ws, {
    ws,
    serial,
    workspace,
    position,
    cursor,
    nextBatch: 1,
    results: asked.results,
    verdicts: [],
    subs: new Map(),
    wanted: undefined,
    reading: 0,
    heldFrom: 0,
    held: [],
    heldBytes: 0,
    overflowed: false,
    presenceKeys: new Set(),
  });
  emit({ kind: 'send', message: { kind: 'joined', request, workspace, ws, role, codec, relay, taken, head } });
  emit({ kind: 'attach', ws, attachment: serial, workspace });
}

function onEnded(session: ServerSession, event: Extract<ServerEvent, { kind: 'ended' }>, emit: EmitServer): void {
  within(session, event.ws, (attachment) => {
    const { code, message } = event.error;
    detach(session, attachment, emit);
    emit({ kind: 'send', message: { kind: 'left', ws: event.ws, code, message } });
  });
}

function detach(session: ServerSession, { ws, serial }: Attachment, emit: EmitServer): void {
  session.attachments.delete(ws);
  session.gone.add(ws);
  if (session.gone.size > maxGone) for (const oldest of [...session.gone].slice(0, 1)) session.gone.delete(oldest);
  for (const [pull, { attachment }] of session.pulls) if (attachment.serial === serial) session.pulls.delete(pull);
  emit({ kind: 'detach', ws, attachment: serial });
}

function onOps(session: ServerSession, attachment: Attachment, { ws, batch, records, block }: OpsUp, emit: EmitServer): void {
  if (!expectVerdict(attachment, batch)) {
    bye(session, 'invalid', 'batches are numbered 1, 2, 3, … from JOINED on', null, emit);
    return;
  }
  emit({ kind: 'append', ws, attachment: attachment.serial, batch, records, block });
}

/** A batch that only has too many records is refused like any other; whatever else is no message ends the connection. */
function onMalformed(session: ServerSession, error: StoreError, emit: EmitServer): void {
  const { ws, batch } = error.context;
  if (session.phase === 'open' && error.code === 'too_large' && typeof ws === 'number' && typeof batch === 'number') {
    joined(session, ws, emit, (attachment) => {
      if (!expectVerdict(attachment, batch)) return bye(session, 'invalid', 'batches are numbered 1, 2, 3, … from JOINED on', null, emit);
      settle(attachment, batch, error, undefined);
      flushVerdicts(attachment, emit);
    });
    return;
  }
  bye(session, error.code, error.message, null, emit);
}

/** Presence is a courtesy: what is beyond its bounds is dropped. */
function onPresence(session: ServerSession, attachment: Attachment, { ws, key, value }: PresenceUp, bytes: number, emit: EmitServer): void {
  const { presenceKeys, presenceBytes } = session.options.limits;
  const { presenceKeys: keys } = attachment;
  if (bytes > presenceBytes || (value !== null && !keys.has(key) && keys.size >= presenceKeys)) return;
  if (value === null) keys.delete(key);
  else keys.add(key);
  emit({ kind: 'presence', ws, key, value });
}

function onTick(session: ServerSession, event: Extract<ServerEvent, { kind: 'tick' }>, emit: EmitServer): void {
  const { now, buffered, flushed, paused } = event;
  const { options } = session;
  if (buffered === 0 || flushed > session.flushed) session.progressAt = now;
  session.flushed = flushed;
  if (paused) session.heardAt = now;
  if (session.phase !== 'open') {
    const allowed = session.phase === 'greeting' ? options.handshakeMs : options.handshakeMs + verifyMs;
    if (now - session.openedAt >= allowed) bye(session, 'unauthenticated', 'no HELLO in time', null, emit);
    return;
  }
  const { heartbeatMs } = options.limits;
  if (now >= session.expiresAt) bye(session, 'unauthenticated', 'the token has expired', 0, emit);
  else if (now - session.progressAt >= options.stalledMs) bye(session, 'too_slow', 'nothing was read for too long', 1000, emit);
  else if (now - session.heardAt >= 2 * heartbeatMs) end(session, false, emit);
  else if (now - session.sentAt >= heartbeatMs && buffered === 0) emit({ kind: 'send', message: { kind: 'ping' } });
}

function retryAfter({ retryable }: StoreError, ms: number): number | null {
  return retryable ? ms : null;
}

function bye(session: ServerSession, code: Bye['code'], reason: string, reconnectAfterMs: number | null, emit: EmitServer): void {
  emit({ kind: 'send', message: { kind: 'bye', code, reason, reconnectAfterMs } });
  end(session, code !== 'too_slow', emit);
}

function end(session: ServerSession, flush: boolean, emit: EmitServer): void {
  for (const attachment of session.attachments.values()) detach(session, attachment, emit);
  session.phase = 'closed';
  emit({ kind: 'close', flush });
}
