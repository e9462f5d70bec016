import { decodeCursor, type PeerId, toStoreError } from '@spacestore/core';
import type { ServerEffect, ServerEvent } from '@spacestore/core/sync';
import type { Identity } from '../auth/identity.ts';
import { allows, type Grant } from '../service/grant.ts';
import type { Services } from '../services.ts';
import type { Hub } from './hub.ts';
import { type Room, replaced } from './room.ts';

export interface JoiningHost {
  readonly services: Services;
  readonly hub: Hub;
  readonly identity: () => Identity;
  readonly now: () => number;
  readonly step: (event: ServerEvent) => void;
  /** Tells the session of the room. The connection holds it from then on; false if the session did not go in. */
  readonly arrive: (room: Room, grant: Grant, joined: ServerEvent) => boolean;
  readonly report: (error: unknown) => void;
}

/** Brings a connection into a room, or tells it why not. */
export async function joinRoom(host: JoiningHost, effect: Extract<ServerEffect, { kind: 'join' }>): Promise<void> {
  const { hub, services } = host;
  const { request, workspace, peers } = effect;
  let held: Room | undefined;
  try {
    for (let stale = true; stale; ) {
      const changes = hub.changes();
      const room = hub.take(workspace);
      held = room;
      const grant = await services.gate.authorize(host.identity(), workspace, 'read');
      const taken = await declare(services, grant, peers);
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
      const { codec, settings } = grant.entry;
      const { incarnation, lineage, cursor, position, records, maxCounter } = head;
      const arrived = host.arrive(room, grant, {
        kind: 'joined',
        now: host.now(),
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
      if (!arrived) hub.release(room);
      held = undefined;
    }
  } catch (error) {
    if (held !== undefined) hub.release(held);
    const failure = toStoreError(error);
    if (failure.code === 'internal') host.report(error);
    host.step({ kind: 'join-failed', now: host.now(), request, error: failure });
  }
}

/** Binds the client's peers to its user; tells those that are somebody else's. */
async function declare(services: Services, grant: Grant, peers: readonly PeerId[]): Promise<readonly PeerId[]> {
  if (peers.length === 0 || !allows(grant, 'append')) return [];
  try {
    await services.operations.declarePeers(grant, peers);
    return [];
  } catch (error) {
    const { code, context } = toStoreError(error);
    if (code === 'denied' && Array.isArray(context.peers)) return context.peers as readonly PeerId[];
    throw error;
  }
}
