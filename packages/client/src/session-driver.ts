import { type Clock, StoreError, type SyncConnection, type SyncTransport, toStoreError } from '@spacestore/core';
import {
  type ClientEffect,
  type ClientEvent,
  type ClientMessage,
  type ClientSessionOptions,
  type ClientState,
  decodeServerMessage,
  encodeClientMessage,
  idCache,
  newClientState,
  stepClient,
  wakeAt,
} from '@spacestore/core/sync';
import { inflate } from '#platform';
import { jwtLifetimeMs } from './jwt-lifetime.ts';

/** What concerns one workspace alone. */
export type WorkspaceEffect = Exclude<ClientEffect, { readonly kind: 'ask-token' | 'connect' | 'disconnect' | 'send' }>;

export interface DriverParts {
  readonly endpoint: string;
  readonly token: () => string | Promise<string>;
  readonly transport: SyncTransport;
  readonly clock: Clock;
  readonly random: () => number;
  readonly session: ClientSessionOptions;
  readonly onEffect: (effect: WorkspaceEffect) => void;
  /** After one or more steps of one turn. */
  readonly onChange: () => void;
  /** A token could not be had, a connection not be made, a frame not be read: nothing is lost by it, it is tried again. */
  readonly onProblem: (error: StoreError) => void;
}

/** Runs the state machine of a client: one connection, one timer. */
export interface SessionDriver {
  readonly state: () => ClientState;
  readonly dispatch: (event: ClientEvent) => void;
  readonly close: () => Promise<void>;
}

/** What a frame of the server may hold: it splits by its own limits, these are against a broken one. */
const frameLimits = { maxFrameBytes: 64 * 1024 * 1024, maxRecords: 1_000_000 };
const longestTimerMs = 2 ** 31 - 1;

export function sessionDriver(parts: DriverParts): SessionDriver {
  const { clock, random, transport } = parts;
  let state = newClientState(parts.session);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let turnEnds = false;
  let closed = false;
  const waiting: ClientEvent[] = [];
  let stepping = false;
  let link: { readonly serial: number; readonly abort: AbortController; connection?: SyncConnection; sent: Promise<void> } | undefined;
  const closing = new Set<Promise<void>>();

  const dispatch = (event: ClientEvent): void => {
    if (closed) return;
    waiting.push(event);
    if (stepping) return;
    stepping = true;
    try {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) step(next);
    } finally {
      stepping = false;
    }
    if (turnEnds) return;
    turnEnds = true;
    queueMicrotask(endTurn);
  };
  const step = (event: ClientEvent): void => {
    const [next, effects] = stepClient(state, event, { now: clock.now(), random: random() });
    state = next;
    for (const effect of effects) perform(effect);
  };
  const endTurn = (): void => {
    turnEnds = false;
    if (closed) return;
    clearTimeout(timer);
    const due = wakeAt(state);
    if (due !== Number.POSITIVE_INFINITY)
      timer = setTimeout(() => dispatch({ kind: 'tick' }), Math.min(longestTimerMs, Math.max(0, due - clock.now())));
    parts.onChange();
  };

  const perform = (effect: ClientEffect): void => {
    switch (effect.kind) {
      case 'ask-token':
        void askToken();
        return;
      case 'connect':
        void connect(effect.serial);
        return;
      case 'disconnect':
        disconnect(effect.serial);
        return;
      case 'send':
        send(effect.serial, effect.message);
        return;
      case 'load':
      case 'verdict':
      case 'deliver':
      case 'save':
      case 'reconcile':
      case 'peers-lost':
      case 'presence':
      case 'presence-lost':
        parts.onEffect(effect);
        return;
    }
  };

  const askToken = async (): Promise<void> => {
    try {
      const token = await parts.token();
      dispatch({ kind: 'token', token, lifetimeMs: jwtLifetimeMs(token, clock.now()) });
    } catch (cause) {
      parts.onProblem(new StoreError('unauthenticated', 'no token could be had', { cause }));
      dispatch({ kind: 'token-failed' });
    }
  };

  const connect = async (serial: number): Promise<void> => {
    const abort = new AbortController();
    const own = { serial, abort, sent: Promise.resolve() } as NonNullable<typeof link>;
    link = own;
    try {
      const connection = await transport.connect(parts.endpoint, { signal: abort.signal });
      own.connection = connection;
      if (abort.signal.aborted) return end(connection);
      dispatch({ kind: 'connected', serial });
      await receiveAll(connection, serial);
    } catch (error) {
      if (!abort.signal.aborted) parts.onProblem(toStoreError(error));
      if (own.connection !== undefined) end(own.connection);
    }
    dispatch({ kind: 'disconnected', serial });
  };

  const receiveAll = async (connection: SyncConnection, serial: number): Promise<void> => {
    const ids = idCache();
    for (let frame = await connection.receive(); frame !== undefined; frame = await connection.receive()) {
      const decoded = decodeServerMessage(frame, frameLimits, inflate, ids);
      dispatch({ kind: 'message', serial, message: decoded instanceof Promise ? await decoded : decoded });
      if (state.serial !== serial) return;
    }
  };

  /** Frames leave in order; a connection that does not take one is over. */
  const send = (serial: number, message: ClientMessage): void => {
    const own = link;
    if (own?.serial !== serial || own.connection === undefined) return;
    const { connection } = own;
    const frame = encodeClientMessage(message);
    own.sent = own.sent.then(() => connection.send(frame, { signal: own.abort.signal })).catch(() => end(connection));
  };

  const disconnect = (serial: number): void => {
    const own = link;
    if (own?.serial !== serial) return;
    link = undefined;
    const { connection } = own;
    // What was handed over for sending, such as a last word, leaves before the end where the network takes it.
    if (connection === undefined) own.abort.abort();
    else
      end(
        connection,
        within(lastWordsMs, own.sent).then(() => own.abort.abort()),
      );
  };

  const end = (connection: SyncConnection, before: Promise<void> = Promise.resolve()): void => {
    const done = before
      .then(() => connection.close())
      .catch((error: unknown) => parts.onProblem(toStoreError(error)))
      .finally(() => closing.delete(done));
    closing.add(done);
  };

  return {
    state: () => state,
    dispatch,
    close: async () => {
      dispatch({ kind: 'stop' });
      closed = true;
      clearTimeout(timer);
      await Promise.all(closing);
    },
  };
}

const lastWordsMs = 200;

/** Resolves with the work, or after that time without it. */
async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, late]);
  clearTimeout(timer);
}
