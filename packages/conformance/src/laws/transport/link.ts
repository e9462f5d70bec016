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

const endMark = Buffer.from('-- the end of the frames --');

/** Marks the end of what is sent one way. */
export const sendEnd = (connection: SyncConnection): Promise<void> => connection.send(endMark);

/** Every frame up to the end mark, `early` receives first; it ends also where frames were lost, doubled or glued together before it. */
export async function framesToEnd(
  connection: SyncConnection,
  early: readonly Promise<Uint8Array | undefined>[] = [],
): Promise<readonly Uint8Array[]> {
  const frames: Uint8Array[] = [];
  for (let i = 0; ; i++) {
    const frame = await (early[i] ?? connection.receive());
    if (frame === undefined) return frames;
    if (equalBytes(frame, endMark)) return frames;
    frames.push(frame);
    if (equalBytes(frame.subarray(-endMark.length), endMark)) return frames;
  }
}

/** Throws unless these are the frames that were sent, in this order. */
export function sameFrames(got: readonly Uint8Array[], sent: readonly Uint8Array[], what: string): void {
  const first = sent.findIndex((frame, i) => got[i] === undefined || !equalBytes(got[i], frame));
  const at = first < 0 ? sent.length : first;
  if (first < 0 && got.length === sent.length) return;
  const side = (frame: Uint8Array | undefined): string => (frame === undefined ? 'nothing' : brief(frame));
  throw new LawBroken(
    `${what}: frame ${at} of ${sent.length}: expected ${side(sent[at])}, got ${side(got[at])} (${got.length} frames came)`,
  );
}

/** Throws if it takes so long that it must be taken for stuck. */
export async function unstuck<Value>(work: Promise<Value>, otherwise: string, ms = 3000): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const stuck = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new LawBroken(otherwise)), ms);
  });
  try {
    return await Promise.race([work, stuck]);
  } finally {
    clearTimeout(timer);
  }
}
