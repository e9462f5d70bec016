import { type Cursor, StoreError, toStoreError, type UserId } from '@spacestore/core';
import type { FedGroup, ServerEvent } from '@spacestore/core/sync';
import type { Grant } from '../service/grant.ts';
import type { Room } from './room.ts';
import type { RoomMember } from './room-member.ts';

/** What a place needs of its connection. */
export interface PlaceHost {
  readonly id: string;
  readonly now: () => number;
  readonly step: (event: ServerEvent) => void;
  readonly buffered: () => number;
  /** Sends a frame unless too much waits to be sent already. */
  readonly offer: (frame: Uint8Array) => void;
  /** True while the connection is in this place. */
  readonly holds: (place: Place) => boolean;
  /** The grant as it is now. Throws: not_found, and what the directory throws. */
  readonly reauthorize: (place: Place) => Promise<Grant>;
}

/** A workspace that a connection is in, as its room sees it. A class, as a server holds thousands: what they can do is there once. */
export class Place implements RoomMember {
  readonly connection: string;
  readonly user: UserId;
  readonly room: Room;
  /** Tells it from an earlier joining of the same workspace. */
  readonly attachment: number;
  readonly #host: PlaceHost;
  #grant: Grant;

  constructor(host: PlaceHost, room: Room, grant: Grant, attachment: number) {
    this.connection = host.id;
    this.user = grant.user;
    this.room = room;
    this.attachment = attachment;
    this.#host = host;
    this.#grant = grant;
  }

  grant(): Grant {
    return this.#grant;
  }

  /** Takes over a newer grant of the same membership. */
  renew(grant: Grant): void {
    this.#grant = grant;
  }

  group(group: FedGroup): void {
    const host = this.#host;
    host.step({ kind: 'group', now: host.now(), ws: this.room.ws, group, buffered: host.buffered() });
  }

  gap(position: number, cursor: Cursor | null): void {
    this.#host.step({ kind: 'gap', now: this.#host.now(), ws: this.room.ws, position, cursor });
  }

  flush(): void {
    this.#host.step({ kind: 'flush', now: this.#host.now(), ws: this.room.ws });
  }

  end(error: StoreError): void {
    if (this.#host.holds(this)) this.#host.step({ kind: 'ended', now: this.#host.now(), ws: this.room.ws, error });
  }

  offer(frame: Uint8Array): void {
    this.#host.offer(frame);
  }

  async recheck(changed: UserId | undefined): Promise<void> {
    if (!this.#host.holds(this) || (changed !== undefined && changed !== this.user)) return;
    const before = this.#grant;
    try {
      const fresh = await this.#host.reauthorize(this);
      const sameRole = fresh.role === before.role && fresh.identity.scopes?.role === before.identity.scopes?.role;
      if (sameRole) this.#grant = fresh;
      else this.end(new StoreError('conflict', 'your role has changed: join again'));
    } catch (error) {
      this.end(toStoreError(error));
    }
  }
}
