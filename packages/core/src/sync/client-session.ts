import type { WorkspaceId } from '../ids.ts';
import { askIn, bar, goOut, markHeadless, newWorkspace, onJoined, onTaken } from './client-session-joining.ts';
import {
  closeLink,
  onBye,
  onConnected,
  onDisconnected,
  onLinkTick,
  onToken,
  onWelcome,
  openLink,
  rejectToken,
} from './client-session-link.ts';
import { pumpPresence, setPresence } from './client-session-presence.ts';
import {
  onHandled,
  onLag,
  onOps,
  onPage,
  onReadRefused,
  onResumePoint,
  pullNext,
  retrySets,
  subscribe,
  type Wire,
} from './client-session-reading.ts';
import { liftHold, onAck, onAdded, onLoaded, onLoadFailed, onNack, pumpBatches } from './client-session-sending.ts';
import type {
  ClientEffect,
  ClientEvent,
  ClientSessionOptions,
  ClientState,
  ClientWorkspace,
  Emit,
  Feed,
  Moment,
} from './client-session-types.ts';
import type { Joined, ServerMessage } from './messages.ts';

/** PULLs without an answer, per connection. */
const maxPulls = 2;

/** A client that has not begun. */
export function newClientState(options: ClientSessionOptions): ClientState {
  return {
    options,
    link: { kind: 'idle' },
    serial: 0,
    attempts: 0,
    token: null,
    refusedToken: null,
    renewAt: Number.POSITIVE_INFINITY,
    limits: null,
    heardAt: 0,
    sentAt: 0,
    nextRequest: 1,
    workspaces: new Map(),
    wire: new Map(),
  };
}

/** The client after an event, and what is to be done about it, in order. No socket, clock, store or chance of its own: equal
 *  arguments give equal results.
 *  Throws: invalid, for a message no server of this version sends: the connection is to be ended. */
export function stepClient(
  state: ClientState,
  event: ClientEvent,
  moment: Moment,
): readonly [state: ClientState, effects: readonly ClientEffect[]] {
  const effects: ClientEffect[] = [];
  const emit: Emit = (effect) => {
    effects.push(effect);
  };
  const next = schedulePulls(onEvent(state, event, moment, emit), moment, emit);
  return [effects.some(({ kind }) => kind === 'send') ? { ...next, sentAt: moment.now } : next, effects];
}

function onEvent(state: ClientState, event: ClientEvent, moment: Moment, emit: Emit): ClientState {
  switch (event.kind) {
    case 'start':
      return openLink(state, emit);
    case 'stop':
      return closeLink(outOfAll(state, emit), emit);
    case 'renew':
      return onRenew(state, moment, emit);
    case 'token':
      return onToken(state, event.token, event.lifetimeMs, moment, emit);
    case 'token-failed':
      return rejectToken(state, moment);
    case 'connected':
      return event.serial === state.serial ? onConnected(state, moment, emit) : state;
    case 'disconnected':
      return event.serial === state.serial ? onDisconnected(outOfAll(state, emit), moment) : state;
    case 'message':
      return event.serial === state.serial ? onMessage({ ...state, heardAt: moment.now }, event.message, moment, emit) : state;
    case 'tick':
      return onTick(state, moment, emit);
    case 'enter':
      return state.workspaces.has(event.workspace)
        ? state
        : enter(withWorkspace(state, newWorkspace(event)), event.workspace, moment, emit);
    case 'leave':
      return leave(state, event.workspace, emit);
    case 'peers':
      return change(
        state,
        event.workspace,
        (workspace) => ({ ...workspace, peers: event.peers }),
        (next) => enter(next, event.workspace, moment, emit),
      );
    case 'subscribe':
      return change(state, event.workspace, (workspace) => subscribe(workspace, event.trees, wireOf(state, workspace, emit)));
    case 'added':
      return sending(state, event.workspace, moment, emit, (workspace) => onAdded(workspace.sending, event.batch));
    case 'loaded':
      return sending(state, event.workspace, moment, emit, (workspace) => onLoaded(workspace.sending, event.generation, event.batches));
    case 'load-failed':
      return sending(state, event.workspace, moment, emit, (workspace) =>
        onLoadFailed(workspace.sending, event.generation, moment, state.options),
      );
    case 'requeued':
      return sending(state, event.workspace, moment, emit, (workspace) => onAdded(workspace.sending, null));
    case 'handled':
      return change(state, event.workspace, (workspace) => onHandled(workspace, event.delivery, wireOf(state, workspace, emit), emit));
    case 'presence':
      return change(state, event.workspace, (workspace) =>
        pump(state, setPresence(workspace, event.key, event.value, moment), moment, emit),
      );
  }
}

function onMessage(state: ClientState, message: ServerMessage, moment: Moment, emit: Emit): ClientState {
  switch (message.kind) {
    case 'welcome':
      return enterAll(onWelcome(state, message, moment), moment, emit);
    case 'joined':
      return onJoinAnswer(state, message, moment, emit);
    case 'refused':
      return onRefused(state, message, moment, emit);
    case 'left':
      return onLeft(state, message, moment, emit);
    case 'lag':
      return withWire(state, message.ws, emit, (workspace) => onLag(workspace, message));
    case 'page':
      return withWire(state, message.ws, emit, (workspace, wire) => onPage(workspace, message, wire, emit));
    case 'ops-down':
      return withWire(state, message.ws, emit, (workspace) => onOps(workspace, message, state.options, emit));
    case 'ack':
      return withWire(state, message.ws, emit, (workspace) => {
        const acknowledged = onAck(markHeadless(workspace, emit), message.batch, emit);
        const read = message.cursor === null ? acknowledged : onResumePoint(acknowledged, message.cursor, emit);
        return pump(state, read, moment, emit);
      });
    case 'nack':
      return withWire(state, message.ws, emit, (workspace) =>
        pump(state, onNack(workspace, message, moment, state.options, emit), moment, emit),
      );
    case 'presence-down':
      return withWire(state, message.ws, emit, (workspace) => {
        emit({ kind: 'presence', workspace: workspace.id, entries: message.entries, left: message.left });
        return workspace;
      });
    case 'ping':
      emit({ kind: 'send', serial: state.serial, message: { kind: 'pong' } });
      return state;
    case 'pong':
      return state;
    case 'bye':
      return onBye(outOfAll(state, emit), message, moment, emit);
  }
}

function onJoinAnswer(state: ClientState, joined: Joined, moment: Moment, emit: Emit): ClientState {
  const workspace = state.workspaces.get(joined.workspace);
  if (workspace?.join.kind !== 'asked' || workspace.join.request !== joined.request) return state;
  if (joined.taken.length > 0) return askAgain(withWorkspace(state, onTaken(workspace, joined, emit)), workspace.id, moment, emit);
  const wire = wireAt(state, joined.ws, emit);
  const inside = pump(state, onJoined(workspace, joined, wire, moment, emit), moment, emit);
  return { ...withWorkspace(state, inside), wire: new Map([...state.wire, [joined.ws, workspace.id]]) };
}

function onRefused(state: ClientState, refused: Extract<ServerMessage, { kind: 'refused' }>, moment: Moment, emit: Emit): ClientState {
  if (refused.of === 'join') {
    for (const workspace of state.workspaces.values())
      if (workspace.join.kind === 'asked' && workspace.join.request === refused.request)
        return withWorkspace(state, bar(workspace, refused, moment, state.options));
    return state;
  }
  if (refused.ws === null) return state;
  return withWire(state, refused.ws, emit, (workspace, wire) => onReadRefused(workspace, refused, wire, moment, state.options, emit));
}

function onLeft(state: ClientState, left: Extract<ServerMessage, { kind: 'left' }>, moment: Moment, emit: Emit): ClientState {
  const barred = withWire(state, left.ws, emit, (workspace) => {
    emit({ kind: 'presence-lost', workspace: workspace.id });
    return bar(workspace, left, moment, state.options);
  });
  return { ...barred, wire: withoutWire(state, left.ws) };
}

function onTick(state: ClientState, moment: Moment, emit: Emit): ClientState {
  const linked = onLinkTick(state, moment, emit, () => outOfAll(state, emit));
  if (linked.link.kind !== 'open') return linked;
  let next = linked;
  for (const workspace of linked.workspaces.values()) {
    if (workspace.join.kind === 'barred' && workspace.join.at <= moment.now) next = askAgain(next, workspace.id, moment, emit);
    const wire = wireOf(next, workspace, emit);
    if (wire === undefined) continue;
    const lifted = liftHold(workspace.sending, moment.now);
    const retried = retrySets(lifted === workspace.sending ? workspace : { ...workspace, sending: lifted }, wire, moment);
    const pumped = pump(next, retried, moment, emit);
    if (pumped !== workspace) next = withWorkspace(next, pumped);
  }
  return next;
}

/** The app asks to try now: holds and bars are lifted, a refused token is asked for anew. */
function onRenew(state: ClientState, moment: Moment, emit: Emit): ClientState {
  if (state.link.kind === 'waiting') return openLink({ ...state, attempts: 0, link: { kind: 'idle' } }, emit);
  if (state.link.kind !== 'open') return state;
  emit({ kind: 'ask-token' });
  const lifted = [...state.workspaces.values()].map((workspace) => ({
    ...workspace,
    sending: liftHold(workspace.sending, Number.POSITIVE_INFINITY),
  }));
  let next: ClientState = { ...state, workspaces: new Map(lifted.map((workspace) => [workspace.id, workspace])) };
  for (const workspace of lifted)
    next =
      workspace.join.kind === 'barred'
        ? askAgain(next, workspace.id, moment, emit)
        : withWorkspace(next, pump(next, workspace, moment, emit));
  return next;
}

function enterAll(state: ClientState, moment: Moment, emit: Emit): ClientState {
  let next = state;
  for (const id of state.workspaces.keys()) next = askAgain(next, id, moment, emit);
  return next;
}

function enter(state: ClientState, id: WorkspaceId, moment: Moment, emit: Emit): ClientState {
  return state.link.kind === 'open' ? askAgain(state, id, moment, emit) : state;
}

function askAgain(state: ClientState, id: WorkspaceId, moment: Moment, emit: Emit): ClientState {
  const workspace = state.workspaces.get(id);
  if (workspace === undefined) return state;
  const asked = askIn(goOut(workspace), state.nextRequest, moment, (message) => emit({ kind: 'send', serial: state.serial, message }));
  const wire = workspace.join.kind === 'in' ? withoutWire(state, workspace.join.ws) : state.wire;
  return { ...withWorkspace(state, asked), wire, nextRequest: state.nextRequest + 1 };
}

function leave(state: ClientState, id: WorkspaceId, emit: Emit): ClientState {
  const workspace = state.workspaces.get(id);
  if (workspace === undefined) return state;
  const workspaces = new Map(state.workspaces);
  workspaces.delete(id);
  if (workspace.join.kind !== 'in') return { ...state, workspaces };
  emit({ kind: 'send', serial: state.serial, message: { kind: 'leave', ws: workspace.join.ws } });
  return { ...state, workspaces, wire: withoutWire(state, workspace.join.ws) };
}

/** Outside everywhere: the connection is gone or given up. */
function outOfAll(state: ClientState, emit: Emit): ClientState {
  const workspaces = new Map<WorkspaceId, ClientWorkspace>();
  for (const [id, workspace] of state.workspaces) {
    if (workspace.join.kind === 'in') emit({ kind: 'presence-lost', workspace: id });
    workspaces.set(id, workspace.join.kind === 'barred' ? workspace : goOut(workspace));
  }
  return { ...state, workspaces, wire: new Map() };
}

/** Pages are asked for in turns, so that no workspace waits for another's whole history. */
function schedulePulls(state: ClientState, moment: Moment, emit: Emit): ClientState {
  if (state.link.kind !== 'open') return state;
  let pulls = 0;
  for (const { sets } of state.workspaces.values()) for (const { feed } of sets) if (isUnanswered(feed)) pulls++;
  let next = state;
  for (const workspace of state.workspaces.values()) {
    if (pulls >= maxPulls) break;
    const wire = wireOf(next, workspace, emit);
    if (wire === undefined) continue;
    const pulled = pullNext(workspace, wire, moment, state.options);
    if (!pulled.asked) continue;
    const workspaces = new Map(next.workspaces);
    workspaces.delete(workspace.id); // to the end of the line
    next = { ...next, workspaces: workspaces.set(workspace.id, pulled.workspace) };
    pulls++;
  }
  return next;
}

function isUnanswered({ kind }: Feed): boolean {
  return kind === 'asked' || kind === 'spoiled';
}

function pump(state: ClientState, workspace: ClientWorkspace, moment: Moment, emit: Emit): ClientWorkspace {
  if (workspace.join.kind !== 'in') return workspace;
  const wire = wireAt(state, workspace.join.ws, emit);
  const maxFrameBytes = state.limits?.maxFrameBytes ?? Number.POSITIVE_INFINITY;
  return pumpPresence(pumpBatches(workspace, wire, moment, state.options, maxFrameBytes, emit), wire, moment, state.options);
}

function sending(
  state: ClientState,
  id: WorkspaceId,
  moment: Moment,
  emit: Emit,
  apply: (workspace: ClientWorkspace) => ClientWorkspace['sending'],
): ClientState {
  return change(state, id, (workspace) => pump(state, { ...workspace, sending: apply(workspace) }, moment, emit));
}

function change(
  state: ClientState,
  id: WorkspaceId,
  apply: (workspace: ClientWorkspace) => ClientWorkspace,
  after: (state: ClientState) => ClientState = (same) => same,
): ClientState {
  const workspace = state.workspaces.get(id);
  if (workspace === undefined) return state;
  return after(withWorkspace(state, apply(workspace)));
}

/** Applies a message to the workspace it speaks of; one that was left meanwhile is no business of ours. */
function withWire(
  state: ClientState,
  ws: number,
  emit: Emit,
  apply: (workspace: ClientWorkspace, wire: Wire) => ClientWorkspace,
): ClientState {
  const id = state.wire.get(ws);
  const workspace = id === undefined ? undefined : state.workspaces.get(id);
  return workspace === undefined ? state : withWorkspace(state, apply(workspace, wireAt(state, ws, emit)));
}

function wireAt(state: ClientState, ws: number, emit: Emit): Wire {
  return { ws, send: (message) => emit({ kind: 'send', serial: state.serial, message }) };
}

function wireOf(state: ClientState, workspace: ClientWorkspace, emit: Emit): Wire | undefined {
  return state.link.kind === 'open' && workspace.join.kind === 'in' ? wireAt(state, workspace.join.ws, emit) : undefined;
}

function withoutWire(state: ClientState, ws: number): ReadonlyMap<number, WorkspaceId> {
  const wire = new Map(state.wire);
  wire.delete(ws);
  return wire;
}

function withWorkspace(state: ClientState, workspace: ClientWorkspace): ClientState {
  if (state.workspaces.get(workspace.id) === workspace) return state;
  return { ...state, workspaces: new Map(state.workspaces).set(workspace.id, workspace) };
}
