import { StoreError, type SyncConnection } from '@spacestore/core';
import { type ClientMessage, decodeServerMessage, encodeClientMessage, type ServerMessage } from '@spacestore/core/sync';

/** One side of the protocol, spoken by hand. */
export interface RawClient {
  readonly say: (message: ClientMessage) => Promise<void>;
  /** Sends bytes as they are. */
  readonly shout: (bytes: Uint8Array) => Promise<void>;
  /** The next message, or undefined once the server ended the connection or said nothing for a while. */
  readonly hear: (ms?: number) => Promise<ServerMessage | undefined>;
  /** The next message of one of these kinds; others are passed over. */
  readonly hearOf: <Kind extends ServerMessage['kind']>(
    ...kinds: readonly Kind[]
  ) => Promise<Extract<ServerMessage, { kind: Kind }> | undefined>;
  /** Every byte heard so far. */
  readonly heard: () => Uint8Array;
  readonly close: () => Promise<void>;
}

const limits = { maxFrameBytes: 16 * 1024 * 1024, maxRecords: 100_000 };
const inflateNothing = (): Promise<never> => Promise.reject(new StoreError('invalid', 'no compression was agreed'));

export function rawClient(connection: SyncConnection): RawClient {
  const frames: Uint8Array[] = [];
  const hear: RawClient['hear'] = async (ms = 1500) => {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), ms);
    try {
      const frame = await connection.receive({ signal: stop.signal });
      if (frame === undefined) return undefined;
      frames.push(frame);
      return await decodeServerMessage(frame, limits, inflateNothing);
    } catch (error) {
      if (error instanceof StoreError && (error.code === 'aborted' || error.code === 'unavailable' || error.code === 'closed'))
        return undefined;
      throw error;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    say: (message) => connection.send(encodeClientMessage(message)),
    shout: (bytes) => connection.send(bytes),
    hear,
    hearOf: async (...kinds) => {
      for (;;) {
        const message = await hear();
        if (message === undefined) return undefined;
        if ((kinds as readonly string[]).includes(message.kind)) return message as never;
      }
    },
    heard: () => Buffer.concat(frames),
    close: () => connection.close(),
  };
}

export const hello = (token: string): ClientMessage => ({ kind: 'hello', versions: [1], token, client: 'kit', compress: [] });
