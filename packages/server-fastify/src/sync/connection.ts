import { type Clock, decodeCursor, type PeerId, StoreError, toStoreError, type UserId } from '@spacestore/core';
import {
  decodeClientMessage,
  encodeServerMessage,
  groupFrame,
  idCache,
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
import type { Outgoing } from './outgoing.ts';
import { pages } from './pages.ts';
import { type Room, replaced } from './room.ts';
import type { RoomMember } from './room-member.ts';

export interface ConnectionParts {
  readonly services: Services;
  readonly authenticator: Authenticator;
  readonly hub: Hub;
  readonly clock: Clock;
  readonly options: ServerSessionOptions;
  readonly pageBytes: number;
  readonly pageRecords: number;
  /** Pages that may be ready before they are asked for, of all connections. */
  readonly pageSlots: { free: number };
  readonly out: Outgoing;
  /** Whether one more connection of this user may be. */
  readonly admit: (user: UserId) => boolean;
  /** Milliseconds after which a client that was sent away may come again: never the same for two. */
  readonly reconnectAfterMs: () => number;
  readonly close: (flush: boolean) => void;
  /** The work under way changed: input may be paused or resumed. */
  readonly loaded: () => void;
  readonly report: (error: unknown) => void;
}

/** One client's connection: turns the session's effects into calls of the service, and their results into its events. */
export interface Connection {
  readonly receive: (frame: Uint8Array) => void;
  /** Refuses what came as text. */
  readonly refuse: (error: StoreError) => void;
  readonly tick: (paused: boolean) => void;
  /** Sends the client away once its appends have their verdicts. */
  readonly drain: () => void;
  /** The socket is gone. */
  readonly gone: () => void;
  /** Work accepted and not yet answered. */
  readonly load: () => { readonly calls: number; readonly bytes: number };
  /** Batches taken and not yet judged. */
  readonly owed: () => number;
}

interface Place {
  readonly room: Room;
  readonly member: RoomMember;
  readonly attachment: number;
  grant: Grant;
}

export function connection(parts: ConnectionParts): Connection {
  const { services, hub, clock, out, options } = parts;
  const session: ServerSession = newServerSession(options, clock.now());
  const limits = { maxFrameBytes: options.limits.maxFrameBytes, maxRecords: options.limits.maxCallRecords };
  const ids = idCache();
  const places = new Map<number, Place>();
  /** Joined rooms that the session is being told of. */
  const arriving = new Map<number, { readonly room: Room; readonly grant: Grant }>();
  let identity: Identity | undefined;
  let calls = 0;
  let bytes = 0;

  const step = (event: ServerEvent): void => stepServerSession(session, event, perform);
  const now = (): number => clock.now();

  /** Work whose result is an event: its failure is one too, and a fault of ours ends this connection alone. */
  const begin = (size: number, work: () => Promise<void>): void => {
    calls++;
    bytes += size;
    parts.loaded();
    void work()
      .catch(crash)
      .finally(() => {
        calls--;
        bytes -= size;
        parts.loaded();
      });
  };
  const crash = (error: unknown): void => {
    parts.report(error);
    step({ kind: 'malformed', now: now(), error: new StoreError('internal', 'unexpected failure') });
  };

  const authenticate = async (token: string): Promise<void> => {
    try {
      const verified = await parts.authenticator.verify(token);
      if (session.phase === 'verifying' && !parts.admit(verified.user)) throw new StoreError('busy', 'too many connections of this user');
      const sameUser = identity === undefined || identity.user === verified.user;
      identity = verified;
      step({ kind: 'verified', now: now(), user: verified.user, expiresAt: verified.expiresAt ?? null });
      if (sameUser) await Promise.all([...places.values()].map((place) => recheck(place)));
    } catch (error) {
      step({ kind: 'unverified', now: now(), error: toStoreError(error), reconnectAfterMs: parts.reconnectAfterMs() });
    }
  };

  const join = async ({ request, workspace, peers }: Extract<ServerEffect, { kind: 'join' }>): Promise<void> => {
    let held: Room | undefined;
    try {
      for (let stale = true; stale; ) {
        const changes = hub.changes();
        const room = hub.take(workspace);
        held = room;
        const grant = await services.gate.authorize(identity as Identity, workspace, 'read');
        const taken = await declare(grant, peers);
        const head = await services.operations.head(grant);
        await room.open(() => services.operations.head(grant));
        const told = room.cursor();
        if (told !== null && decodeCursor(told).incarnation !== head.incarnation) room.endAll(replaced());
        // A role or a history that changed meanwhile must be read again: nobody told this connection, it was not in the room yet.
        stale = changes !== hub.changes() || room.ended();
        if (stale) {
          hub.release(room);
          held = undefined;
          continue;
        }
        arriving.set(room.ws, { room, grant });
        const { codec, settings } = grant.entry;
        const { incarnation, lineage, cursor, position, records, maxCounter } = head;
        step({
          kind: 'joined',
          now: now(),
          request,
          workspace,
          ws: room.ws,
          role: grant.identity.scopes?.role ?? grant.role,
          codec,
          relay: settings.relay,
          taken,
          head: { incarnation, lineage, cursor, position, records, maxCounter },
          position: room.position(),
          cursor: room.cursor(),
        });
        if (arriving.delete(room.ws)) hub.release(room);
        held = undefined;
      }
    } catch (error) {
      if (held !== undefined) hub.release(held);
      const failure = toStoreError(error);
      if (failure.code === 'internal') parts.report(error);
      step({ kind: 'join-failed', now: now(), request, error: failure });
    }
  };

  /** Binds the client's peers to its user; tells those that are somebody else's. */
  const declare = async (grant: Grant, peers: readonly PeerId[]): Promise<readonly PeerId[]> => {
    if (peers.length === 0 || !allows(grant, 'append')) return [];
    try {
      await services.operations.declarePeers(grant, peers);
      return [];
    } catch (error) {
      const { code, context } = toStoreError(error);
      if (code === 'denied' && Array.isArray(context.peers)) return context.peers as readonly PeerId[];
      throw error;
    }
  };

  const recheck = async (place: Place): Promise<void> => {
    const { room, grant } = place;
    try {
      const fresh = await services.gate.authorize(identity as Identity, room.workspace, 'read');
      const sameRole = fresh.role === grant.role && fresh.identity.scopes?.role === grant.identity.scopes?.role;
      if (sameRole) place.grant = fresh;
      else endPlace(place, new StoreError('conflict', 'your role has changed: join again'));
    } catch (error) {
      endPlace(place, toStoreError(error));
    }
  };
  const endPlace = (place: Place, error: StoreError): void => {
    if (places.get(place.room.ws) === place) step({ kind: 'ended', now: now(), ws: place.room.ws, error });
  };

  const memberOf = (ws: number, user: UserId): RoomMember => ({
    connection: options.connection,
    user,
    grant: () => (places.get(ws) as Place).grant,
    group: (group) => step({ kind: 'group', now: now(), ws, group, buffered: out.buffered() }),
    gap: (position, cursor) => step({ kind: 'gap', now: now(), ws, position, cursor }),
    flush: () => step({ kind: 'flush', now: now(), ws }),
    end: (error) => step({ kind: 'ended', now: now(), ws, error }),
    recheck: async (changed) => {
      const place = places.get(ws);
      if (place === undefined || (changed !== undefined && changed !== user)) return;
      await recheck(place);
    },
    offer: (frame) => {
      if (out.buffered() <= options.bufferBytes) out.send(frame);
    },
  });

  const append = (effect: Extract<ServerEffect, { kind: 'append' }>): void => {
    const { ws, attachment, batch, records, block } = effect;
    const place = places.get(ws);
    if (place === undefined) return;
    begin(block.length, async () => {
      let error: StoreError | undefined;
      let result: Appended | undefined;
      try {
        result = await services.operations.append(place.grant, records, { origin: handedIn(options.connection, block) });
        const { grant } = result;
        if (grant.epoch > place.grant.epoch) place.grant = grant;
      } catch (cause) {
        error = toStoreError(cause);
        if (error.code === 'internal') parts.report(cause);
      }
      step({ kind: 'settled', now: now(), ws, attachment, batch, error, result });
      place.room.settled(options.connection);
    });
  };

  const paging = pages({
    operations: services.operations,
    pageBytes: parts.pageBytes,
    pageRecords: parts.pageRecords,
    maxFrameBytes: options.limits.maxFrameBytes,
    slots: parts.pageSlots,
    grantOf: (ws) => places.get(ws)?.grant,
    begin,
    step: (event) => step({ ...event, now: now() }),
    buffered: out.buffered,
    report: parts.report,
  });

  const attach = (ws: number, attachment: number): void => {
    const arrived = arriving.get(ws);
    if (arrived === undefined) return;
    arriving.delete(ws);
    const member = memberOf(ws, arrived.grant.user);
    places.set(ws, { ...arrived, member, attachment });
    arrived.room.enter(member);
  };
  const detach = (ws: number, attachment: number): void => {
    const place = places.get(ws);
    if (place?.attachment !== attachment) return;
    places.delete(ws);
    paging.forget(ws);
    place.room.leave(options.connection);
    hub.release(place.room);
  };

  const perform = (effect: ServerEffect): void => {
    switch (effect.kind) {
      case 'send':
        out.send(encodeServerMessage(effect.message));
        return;
      case 'send-frame':
        out.send(effect.frame);
        return;
      case 'send-group': {
        const frame = groupFrame(effect.ws, effect.group, effect.wanted, options.connection);
        if (frame !== undefined) out.send(frame);
        return;
      }
      case 'authenticate':
        begin(0, () => authenticate(effect.token));
        return;
      case 'join':
        begin(0, () => join(effect));
        return;
      case 'attach':
        attach(effect.ws, effect.attachment);
        return;
      case 'detach':
        detach(effect.ws, effect.attachment);
        return;
      case 'append':
        append(effect);
        return;
      case 'read':
        paging.read(effect);
        return;
      case 'pack':
        paging.pack(effect);
        return;
      case 'presence': {
        const place = places.get(effect.ws);
        if (place !== undefined && allows(place.grant, 'presence')) place.room.presence.set(place.member, effect.key, effect.value);
        return;
      }
      case 'close':
        parts.close(effect.flush);
        return;
    }
  };

  return {
    receive: (frame) => {
      try {
        step({ kind: 'message', now: now(), message: decodeClientMessage(frame, limits, ids), bytes: frame.length });
      } catch (error) {
        const refused = toStoreError(error);
        if (refused.code === 'internal') crash(error);
        else step({ kind: 'malformed', now: now(), error: refused });
      }
    },
    refuse: (error) => step({ kind: 'malformed', now: now(), error }),
    tick: (paused) => {
      paging.tick();
      step({ kind: 'tick', now: now(), buffered: out.buffered(), flushed: out.flushed(), paused });
    },
    drain: () => step({ kind: 'drain', now: now(), reconnectAfterMs: parts.reconnectAfterMs() }),
    gone: () => {
      paging.forget();
      step({ kind: 'message', now: now(), message: { kind: 'bye', code: 'going_away', reason: '', reconnectAfterMs: null }, bytes: 0 });
    },
    load: () => ({ calls, bytes }),
    owed: () => {
      let owed = 0;
      for (const { verdicts } of session.attachments.values()) owed += verdicts.length;
      return owed;
    },
  };
}
