import type { SyncConnection, SyncListener, SyncTransport } from '@spacestore/core';
import { LawBroken } from '../../check/broken.ts';
import { brief, equalBytes } from '../../check/digest.ts';

/** An open connection, seen from both sides. */
export interface Link {
  readonly near: SyncConnection;
  readonly far: SyncConnection;
}

/** Listens, and opens connections to itself. */
export interface Exchange {
  readonly listener: SyncListener;
  readonly link: () => Promise<Link>;
  /** Connections accepted so far. */
  readonly accepted: () => number;
}

export async function openExchange(transport: SyncTransport): Promise<Exchange> {
  const arrived: SyncConnection[] = [];
  const waiting: ((connection: SyncConnection) => void)[] = [];
  let accepted = 0;
  const listener = await transport.listen((connection) => {
    accepted += 1;
    const next = waiting.shift();
    if (next) next(connection);
    else arrived.push(connection);
  });
  return {
    listener,
    accepted: () => accepted,
    link: async () => {
      const near = await transport.connect(listener.endpoint);
      const far = arrived.shift() ?? (await new Promise<SyncConnection>((resolve) => waiting.push(resolve)));
      return { near, far };
    },
  };
}

/** Throws unless the next frame is this one. */
export async function expectFrame(connection: SyncConnection, frame: Uint8Array, what: string): Promise<void> {
  const got = await connection.receive();
  if (got === undefined) throw new LawBroken(`${what}: the connection ended in place of a frame of ${frame.length} B`);
  if (!equalBytes(got, frame)) throw new LawBroken(`${what}: expected ${brief(frame)}, got ${brief(got)}`);
}

/** A turn of the event loop, in which sockets move. */
export const moment = (ms = 0): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
