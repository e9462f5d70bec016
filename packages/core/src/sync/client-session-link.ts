import { backoffMs, seldomMs } from './client-session-backoff.ts';
import type { ClientState, ClientWorkspace, Emit, Link, Moment } from './client-session-types.ts';
import type { Bye, Welcome } from './messages.ts';

/** Begins to connect, unless it has. A token comes first. */
export function openLink(state: ClientState, emit: Emit): ClientState {
  if (state.link.kind !== 'idle') return state;
  emit({ kind: 'ask-token' });
  return { ...state, link: { kind: 'token' } };
}

/** Ends the connection and makes no other. */
export function closeLink(state: ClientState, emit: Emit): ClientState {
  if (state.link.kind === 'open') emit({ kind: 'send', serial: state.serial, message: goodbye });
  if (hasSocket(state.link)) emit({ kind: 'disconnect', serial: state.serial });
  return { ...state, serial: state.serial + 1, link: { kind: 'idle' } };
}

const goodbye: Bye = { kind: 'bye', code: 'going_away', reason: 'the client closes', reconnectAfterMs: null };

/** A token the server refused before is not shown again: the app is asked for another, seldom. */
export function onToken(state: ClientState, token: string, lifetimeMs: number | null, moment: Moment, emit: Emit): ClientState {
  const renewAt = lifetimeMs === null ? Number.POSITIVE_INFINITY : moment.now + Math.max(1000, lifetimeMs - state.options.renewBeforeMs);
  if (state.link.kind === 'token') {
    if (token === state.refusedToken) return waitFor(state, seldomMs(state.options, moment), 'unauthenticated', moment);
    emit({ kind: 'connect', serial: state.serial + 1 });
    return { ...state, token, renewAt, serial: state.serial + 1, link: { kind: 'connecting', since: moment.now } };
  }
  if (state.link.kind === 'open' && token !== state.token && token !== state.refusedToken)
    emit({ kind: 'send', serial: state.serial, message: { kind: 'auth', token } });
  if (state.link.kind !== 'open') return state;
  // The same token again is no news: ask once more when half of what is left has passed.
  const again = token === state.token && lifetimeMs !== null ? moment.now + Math.max(1000, lifetimeMs / 2) : renewAt;
  return { ...state, token, renewAt: again };
}

/** The app could not bring a token. That may be its network: tried again like a connection. */
export function rejectToken(state: ClientState, moment: Moment): ClientState {
  if (state.link.kind === 'open') return { ...state, renewAt: moment.now + state.options.backoffCapMs * (0.5 + moment.random / 2) };
  return state.link.kind === 'token' ? fail(state, 'disconnected', moment) : state;
}

export function onConnected(state: ClientState, moment: Moment, emit: Emit): ClientState {
  if (state.link.kind !== 'connecting' || state.token === null) return state;
  const { client, compress } = state.options;
  emit({ kind: 'send', serial: state.serial, message: { kind: 'hello', versions: [1], token: state.token, client, compress } });
  return { ...state, heardAt: moment.now, link: { kind: 'greeting', since: moment.now } };
}

export function onWelcome(state: ClientState, welcome: Welcome, moment: Moment): ClientState {
  if (state.link.kind !== 'greeting') return state;
  const { connection, user, limits } = welcome;
  return { ...state, limits, link: { kind: 'open', since: moment.now, connection, user } };
}

/** The connection broke, or could not be made. */
export function onDisconnected(state: ClientState, moment: Moment): ClientState {
  return hasSocket(state.link) ? fail({ ...state, serial: state.serial + 1 }, 'disconnected', moment) : state;
}

export function onBye(state: ClientState, bye: Bye, moment: Moment, emit: Emit): ClientState {
  if (!hasSocket(state.link)) return state;
  emit({ kind: 'disconnect', serial: state.serial });
  const next = { ...state, serial: state.serial + 1 };
  if (bye.code === 'unauthenticated') return fail({ ...next, refusedToken: state.token }, 'unauthenticated', moment);
  if (bye.reconnectAfterMs === null) return waitFor(next, seldomMs(state.options, moment), bye.code, moment);
  const failed = fail(next, bye.code, moment);
  const wait = bye.reconnectAfterMs + backoffMs(state.options, state.attempts, moment);
  return { ...failed, link: { kind: 'waiting', until: moment.now + wait, why: bye.code } };
}

/** What is due: connecting anew, giving up on silence, a sign of life, a fresh token. `outOfAll` is told before a connection is given up. */
export function onLinkTick(state: ClientState, moment: Moment, emit: Emit, outOfAll: () => ClientState): ClientState {
  const { link } = state;
  const { now } = moment;
  switch (link.kind) {
    case 'idle':
    case 'token':
      return state;
    case 'waiting':
      return link.until <= now ? openLink({ ...state, link: { kind: 'idle' } }, emit) : state;
    case 'connecting':
    case 'greeting':
      return now - link.since >= state.options.answerMs ? giveUp(state, moment, emit) : state;
    case 'open': {
      const silent = now - state.heardAt >= 2 * heartbeatOf(state);
      if (silent || [...state.workspaces.values()].some((workspace) => owedSince(workspace) <= now - state.options.answerMs))
        return giveUp(outOfAll(), moment, emit);
      if (now - state.sentAt >= heartbeatOf(state)) emit({ kind: 'send', serial: state.serial, message: { kind: 'ping' } });
      if (state.renewAt > now) return state;
      emit({ kind: 'ask-token' });
      return { ...state, renewAt: now + state.options.backoffCapMs };
    }
  }
}

function giveUp(state: ClientState, moment: Moment, emit: Emit): ClientState {
  emit({ kind: 'disconnect', serial: state.serial });
  return fail({ ...state, serial: state.serial + 1 }, 'disconnected', moment);
}

/** One more failure, unless the connection had held long enough to be a success. */
function fail(state: ClientState, why: Extract<Link, { kind: 'waiting' }>['why'], moment: Moment): ClientState {
  const stable = state.link.kind === 'open' && moment.now - state.link.since >= state.options.stableMs;
  const attempts = stable ? 0 : state.attempts;
  const waiting = waitFor(state, backoffMs(state.options, attempts, moment), why, moment);
  return { ...waiting, attempts: attempts + 1 };
}

function waitFor(state: ClientState, ms: number, why: Extract<Link, { kind: 'waiting' }>['why'], moment: Moment): ClientState {
  return { ...state, link: { kind: 'waiting', until: moment.now + ms, why } };
}

function hasSocket(link: Link): boolean {
  return link.kind === 'connecting' || link.kind === 'greeting' || link.kind === 'open';
}

function heartbeatOf(state: ClientState): number {
  return state.limits?.heartbeatMs ?? state.options.answerMs;
}

/** When the oldest question was asked that the server has not answered. */
function owedSince({ join, sets, sending }: ClientWorkspace): number {
  const asked = sets.map(({ feed }) => (feed.kind === 'asked' || feed.kind === 'spoiled' ? feed.at : Number.POSITIVE_INFINITY));
  return Math.min(
    join.kind === 'asked' ? join.at : Number.POSITIVE_INFINITY,
    sending.inFlight[0]?.sentAt ?? Number.POSITIVE_INFINITY,
    ...asked,
  );
}

/** When the next `tick` is due; infinity if nothing waits for time. */
export function wakeAt(state: ClientState): number {
  const { link, options } = state;
  switch (link.kind) {
    case 'idle':
    case 'token':
      return Number.POSITIVE_INFINITY;
    case 'waiting':
      return link.until;
    case 'connecting':
    case 'greeting':
      return link.since + options.answerMs;
    case 'open': {
      const heartbeat = Math.min(state.sentAt + heartbeatOf(state), state.heardAt + 2 * heartbeatOf(state));
      return Math.min(heartbeat, state.renewAt, ...[...state.workspaces.values()].map(workspaceWakeAt));
    }
  }
}

function workspaceWakeAt({ join, sets, sending, presenceDirty, presenceAt }: ClientWorkspace): number {
  return Math.min(
    join.kind === 'barred' ? join.at : Number.POSITIVE_INFINITY,
    sending.hold?.until ?? Number.POSITIVE_INFINITY,
    presenceDirty.size > 0 && join.kind === 'in' && join.role !== 'backup' ? presenceAt : Number.POSITIVE_INFINITY,
    ...sets.map(({ feed }) => (feed.kind === 'later' ? feed.at : Number.POSITIVE_INFINITY)),
  );
}
