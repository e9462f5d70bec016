import { type Clock, StoreError, toStoreError, type UserId } from '@spacestore/core';
import {
  decodeClientMessage,
  encodeServerMessage,
  groupFrame,
  type IdCache,
  newServerSession,
  type ServerEffect,
  type ServerEvent,
  type ServerSession,
  type ServerSessionOptions,
  stepServerSession,
} from '@spacestore/core/sync';
import type { Authenticator, Identity } from '../auth/identity.ts';
import { allows, type Grant } from '../service/grant.ts';
import type { Appended } from '../service/operations.ts';
import type { Services } from '../services.ts';
import { handedIn } from './handed.ts';
import type { Hub } from './hub.ts';
import { type JoiningHost, joinRoom } from './joining.ts';
import type { Outgoing } from './outgoing.ts';
import { type Pages, pages } from './pages.ts';
import { Place, type PlaceHost } from './place.ts';
import type { Room } from './room.ts';

/** What all connections of an endpoint share. */
export interface ConnectionParts {
  readonly services: Services;
  readonly authenticator: Authenticator;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly session: Omit<ServerSessionOptions, 'connection'>;
  /** Names that frames had before. */
  readonly ids: IdCache;
  readonly pageBytes: number;
  readonly pageRecords: number;
  /** Pages that may be ready before they are asked for, of all connections. */
  readonly pageSlots: { free: number };
  /** Milliseconds after which a client that was sent away may come again: never the same for two. */
  readonly reconnectAfterMs: () => number;
  readonly report: (error: unknown) => void;
}

/** The socket under a connection. */
export interface Line extends Outgoing {
  /** Whether one more connection of this user may be. */
  readonly admit: (user: UserId) => boolean;
  readonly close: (flush: boolean) => void;
  /** The work under way changed: input may be paused or resumed. */
  readonly loaded: () => void;
}

/** One client's connection: turns the session's effects into calls of the service, and their results into its events. */
export interface Connection {
  /** Takes a frame that nobody changes any more. */
  readonly receive: (frame: Uint8Array) => void;
  /** Refuses what came as text. */
  readonly refuse: (error: StoreError) => void;
  readonly tick: (paused: boolean) => void;
  /** Sends the client away once its appends have their verdicts. */
  readonly drain: () => void;
  /** The socket is gone. */
  readonly gone: () => void;
  /** Work accepted and not yet answered. */
  readonly calls: number;
  readonly bytes: number;
  /** Batches taken and not yet judged. */
  readonly owed: () => number;
}

/** A connection over a socket that was just accepted. */
export function connection(id: string, parts: ConnectionParts, line: Line): Connection {
  return new OpenConnection(id, parts, line);
}

/** A class, as a server holds thousands: what they can do is there once, and an idle one is little more than its session. */
class OpenConnection implements Connection, PlaceHost, JoiningHost {
  readonly id: string;
  calls = 0;
  bytes = 0;
  readonly #parts: ConnectionParts;
  readonly #line: Line;
  readonly #session: ServerSession;
  readonly #perform = (effect: ServerEffect): void => this.#do(effect);
  readonly #places = new Map<number, Place>();
  /** The joined room that the session is being told of. */
  #arriving: { readonly room: Room; readonly grant: Grant } | undefined;
  /** There while pages are read. */
  #pages: Pages | undefined;
  #identity: Identity | undefined;

  constructor(id: string, parts: ConnectionParts, line: Line) {
    this.id = id;
    this.#parts = parts;
    this.#line = line;
    this.#session = newServerSession({ ...parts.session, connection: id }, parts.clock.now());
  }

  receive(frame: Uint8Array): void {
    try {
      const { session, ids } = this.#parts;
      const message = decodeClientMessage(
        frame,
        { maxFrameBytes: session.limits.maxFrameBytes, maxRecords: session.limits.maxCallRecords },
        ids,
      );
      this.step({ kind: 'message', now: this.now(), message, bytes: frame.length });
    } catch (error) {
      const refused = toStoreError(error);
      if (refused.code === 'internal') this.#crash(error);
      else this.refuse(refused);
    }
  }

  refuse(error: StoreError): void {
    this.step({ kind: 'malformed', now: this.now(), error });
  }

  tick(paused: boolean): void {
    if (this.#pages?.tick()) this.#pages = undefined;
    this.step({ kind: 'tick', now: this.now(), buffered: this.buffered(), flushed: this.#line.flushed(), paused });
  }

  drain(): void {
    this.step({ kind: 'drain', now: this.now(), reconnectAfterMs: this.#parts.reconnectAfterMs() });
  }

  gone(): void {
    this.#pages?.forget();
    const message = { kind: 'bye', code: 'going_away', reason: '', reconnectAfterMs: null } as const;
    this.step({ kind: 'message', now: this.now(), message, bytes: 0 });
  }

  owed(): number {
    let owed = 0;
    for (const { verdicts } of this.#session.attachments.values()) owed += verdicts.length;
    return owed;
  }

  get services(): Services {
    return this.#parts.services;
  }

  get hub(): Hub {
    return this.#parts.hub;
  }

  now(): number {
    return this.#parts.clock.now();
  }

  step(event: ServerEvent): void {
    stepServerSession(this.#session, event, this.#perform);
  }

  report(error: unknown): void {
    this.#parts.report(error);
  }

  identity(): Identity {
    return this.#identity as Identity;
  }

  buffered(): number {
    return this.#line.buffered();
  }

  offer(frame: Uint8Array): void {
    if (this.buffered() <= this.#session.options.bufferBytes) this.#line.send(frame);
  }

  holds(place: Place): boolean {
    return this.#places.get(place.room.ws) === place;
  }

  reauthorize(place: Place): Promise<Grant> {
    return this.services.gate.authorize(this.identity(), place.room.workspace, 'read');
  }

  arrive(room: Room, grant: Grant, joined: ServerEvent): boolean {
    this.#arriving = { room, grant };
    this.step(joined);
    const arrived = this.#arriving === undefined;
    this.#arriving = undefined;
    return arrived;
  }

  #do(effect: ServerEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#line.send(encodeServerMessage(effect.message));
        return;
      case 'send-frame':
        this.#line.send(effect.frame);
        return;
      case 'send-group': {
        const frame = groupFrame(effect.ws, effect.group, effect.wanted, this.id);
        if (frame !== undefined) this.#line.send(frame);
        return;
      }
      case 'authenticate':
        this.#begin(0, () => this.#authenticate(effect.token));
        return;
      case 'join':
        this.#begin(0, () => joinRoom(this, effect));
        return;
      case 'attach':
        this.#attach(effect.ws, effect.attachment);
        return;
      case 'detach':
        this.#detach(effect.ws, effect.attachment);
        return;
      case 'append': {
        const place = this.#places.get(effect.ws);
        if (place !== undefined) void this.#append(place, effect);
        return;
      }
      case 'read':
        this.#paging().read(effect);
        return;
      case 'pack':
        this.#paging().pack(effect);
        return;
      case 'presence': {
        const place = this.#places.get(effect.ws);
        if (place !== undefined && allows(place.grant(), 'presence')) place.room.presence.set(place, effect.key, effect.value);
        return;
      }
      case 'close':
        this.#line.close(effect.flush);
        return;
    }
  }

  #attach(ws: number, attachment: number): void {
    const arrived = this.#arriving;
    if (arrived?.room.ws !== ws) return;
    this.#arriving = undefined;
    const place = new Place(this, arrived.room, arrived.grant, attachment);
    this.#places.set(ws, place);
    arrived.room.enter(place);
  }

  #detach(ws: number, attachment: number): void {
    const place = this.#places.get(ws);
    if (place?.attachment !== attachment) return;
    this.#places.delete(ws);
    this.#pages?.forget(ws);
    place.room.leave(this.id);
    this.hub.release(place.room);
  }

  /** One batch: stored, judged, and its verdict due after the fan-out of the turn. One promise a frame, no function made for it. */
  async #append(place: Place, { ws, attachment, batch, records, block }: Extract<ServerEffect, { kind: 'append' }>): Promise<void> {
    this.#take(block.length);
    const handed = handedIn(this.id, records, block);
    place.room.handing(handed);
    try {
      let error: StoreError | undefined;
      let result: Appended | undefined;
      try {
        result = await this.services.operations.append(place.grant(), records, { origin: handed });
        const { grant } = result;
        if (grant.epoch > place.grant().epoch) place.renew(grant);
      } catch (cause) {
        error = toStoreError(cause);
        if (error.code === 'internal') this.report(cause);
      }
      this.step({ kind: 'settled', now: this.now(), ws, attachment, batch, error, result });
    } catch (error) {
      this.#crash(error);
    }
    place.room.settled(handed);
    this.#release(block.length);
  }

  async #authenticate(token: string): Promise<void> {
    try {
      const verified = await this.#parts.authenticator.verify(token);
      if (this.#session.phase === 'verifying' && !this.#line.admit(verified.user))
        throw new StoreError('busy', 'too many connections of this user');
      const sameUser = this.#identity === undefined || this.#identity.user === verified.user;
      this.#identity = verified;
      this.step({ kind: 'verified', now: this.now(), user: verified.user, expiresAt: verified.expiresAt ?? null });
      if (sameUser) await Promise.all([...this.#places.values()].map((place) => place.recheck(undefined)));
    } catch (error) {
      this.step({ kind: 'unverified', now: this.now(), error: toStoreError(error), reconnectAfterMs: this.#parts.reconnectAfterMs() });
    }
  }

  #paging(): Pages {
    const { services, pageBytes, pageRecords, pageSlots, session, report } = this.#parts;
    this.#pages ??= pages({
      operations: services.operations,
      pageBytes,
      pageRecords,
      maxFrameBytes: session.limits.maxFrameBytes,
      slots: pageSlots,
      grantOf: (ws) => this.#places.get(ws)?.grant(),
      begin: (size, work) => this.#begin(size, work),
      step: (event) => this.step({ ...event, now: this.now() }),
      buffered: () => this.buffered(),
      report,
    });
    return this.#pages;
  }

  /** Work whose result is an event: its failure is one too, and a fault of ours ends this connection alone. */
  #begin(size: number, work: () => Promise<void>): void {
    this.#take(size);
    void work()
      .catch((error: unknown) => this.#crash(error))
      .finally(() => this.#release(size));
  }

  #take(size: number): void {
    this.calls++;
    this.bytes += size;
    this.#line.loaded();
  }

  #release(size: number): void {
    this.calls--;
    this.bytes -= size;
    this.#line.loaded();
  }

  #crash(error: unknown): void {
    this.report(error);
    this.refuse(new StoreError('internal', 'unexpected failure'));
  }
}
