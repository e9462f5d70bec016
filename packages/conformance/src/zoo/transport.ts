import { StoreError, type SyncConnection, type SyncTransport } from '@spacestore/core';
import { memoryTransport } from '@spacestore/core/memory';
import { type Link, openExchange } from '../laws/transport/link.ts';
import { type Subject, transportSubject } from '../subject.ts';

/** A transport that is broken on purpose, in one way. */
export interface TransportMutant {
  readonly id: string;
  /** What it does wrong. */
  readonly what: string;
  /** The law that must kill it. */
  readonly law: string;
  readonly make: (base: SyncTransport) => SyncTransport;
  /** True for the mutant, false for the transport it was made of. */
  readonly witness: (link: () => Promise<Link>, transport: SyncTransport) => Promise<boolean>;
}

export const referenceTransport = (): SyncTransport => memoryTransport({ maxFrameBytes: 300_000, maxBufferedBytes: 200_000 });

/** The mutant as a subject; without one, the transport that all of them are made of. */
export const transportMutantSubject = (mutant?: TransportMutant): Subject<'transport'> =>
  transportSubject({
    name: mutant?.id ?? 'reference',
    setup: () => ({}),
    open: () => (mutant ? mutant.make(referenceTransport()) : referenceTransport()),
  });

/** Changes both ends of every connection. */
const eachEnd =
  (change: (end: SyncConnection) => Partial<SyncConnection>): TransportMutant['make'] =>
  (base) => {
    const changed = (end: SyncConnection): SyncConnection => {
      const wrapped = { send: end.send, receive: end.receive, close: end.close, ...change(end) };
      return Object.defineProperty(wrapped, 'bufferedBytes', { get: () => end.bufferedBytes }) as SyncConnection;
    };
    return {
      ...base,
      connect: async (endpoint, call) => changed(await base.connect(endpoint, call)),
      listen: (accept) => base.listen((end) => accept(changed(end))),
    };
  };

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const told = async (end: SyncConnection): Promise<string | undefined> => {
  const frame = await end.receive();
  return frame && Buffer.from(frame).toString();
};
const turns = async (count: number): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
};

/** Broken transports. */
export const transportMutants: readonly TransportMutant[] = [
  {
    id: 'M142',
    what: 'sends every fifth frame again without a number, and claims exactly once',
    law: 'TR-02',
    make: eachEnd((end) => {
      let sent = 0;
      return {
        send: async (frame, call) => {
          await end.send(frame, call);
          sent += 1;
          if (sent % 5 === 0) await end.send(frame, call);
        },
      };
    }),
    witness: async (link) => {
      const { near, far } = await link();
      for (let i = 0; i < 5; i++) await near.send(bytes(String(i)));
      await near.close();
      let got = 0;
      while ((await far.receive()) !== undefined) got += 1;
      return got === 6;
    },
  },
  {
    id: 'M143',
    what: 'a short frame overtakes the one before it',
    law: 'TR-02',
    make: eachEnd((end) => {
      let held: Promise<void> = Promise.resolve();
      return {
        send: async (frame, call) => {
          if (frame.length < 1000) return await end.send(frame, call);
          const own = frame.slice();
          held = turns(2).then(() => end.send(own, call));
          return await held;
        },
      };
    }),
    witness: async (link) => {
      const { near, far } = await link();
      const sends = [near.send(new Uint8Array(2000)), near.send(bytes('short'))];
      const first = await told(far);
      await Promise.all(sends);
      return first === 'short';
    },
  },
  {
    id: 'M145',
    what: 'keeps without bound what a slow receiver does not take',
    law: 'TR-05',
    make: eachEnd((end) => {
      let line = Promise.resolve();
      return {
        send: async (frame, call) => {
          if (frame.length > 300_000 || call?.signal?.aborted) return await end.send(frame, call);
          const own = frame.slice();
          line = line.then(() => end.send(own)).catch(() => undefined);
        },
      };
    }),
    witness: async (link) => {
      const { near } = await link();
      const sends = Promise.all(Array.from({ length: 5 }, () => near.send(new Uint8Array(200_000)))).then(() => true);
      return await Promise.race([sends, turns(50).then(() => false)]);
    },
  },
  {
    id: 'M146',
    what: 'one sender that waits makes all wait',
    law: 'TR-05',
    make: (base) => {
      let line: Promise<unknown> = Promise.resolve();
      return eachEnd((end) => ({
        send: (frame, call) => {
          const own = frame.slice();
          const sent = line.then(() => end.send(own, call));
          line = sent.catch(() => undefined);
          return sent;
        },
      }))(base);
    },
    witness: async (link) => {
      const [slow, brisk] = [await link(), await link()];
      for (let i = 0; i < 5; i++) void slow.near.send(new Uint8Array(200_000)).catch(() => undefined);
      const sent = brisk.near.send(bytes('x')).then(() => false);
      return await Promise.race([sent, turns(50).then(() => true)]);
    },
  },
  {
    id: 'M147',
    what: "hands the sender's own bytes to the receiver, later",
    law: 'TR-01',
    make: eachEnd((end) => {
      let line = Promise.resolve();
      return {
        send: async (frame, call) => {
          if (frame.length > 300_000 || frame.length === 0) return await end.send(frame, call);
          line = line.then(() => turns(1)).then(() => end.send(frame, call));
        },
      };
    }),
    witness: async (link) => {
      const { near, far } = await link();
      const frame = bytes('content');
      await near.send(frame);
      frame.fill(0x78);
      return (await told(far)) === 'xxxxxxx';
    },
  },
  {
    id: 'M148',
    what: 'joins two frames that are sent in one turn',
    law: 'TR-02',
    make: eachEnd((end) => {
      let pending: Buffer | undefined;
      let line: Promise<void> = Promise.resolve();
      return {
        send: async (frame, call) => {
          if (frame.length > 100_000) return await end.send(frame, call);
          const first = pending === undefined;
          pending = Buffer.concat([pending ?? Buffer.alloc(0), frame]);
          if (first)
            line = Promise.resolve().then(async () => {
              const joined = pending as Buffer;
              pending = undefined;
              await end.send(joined.subarray(0, 300_000), call);
            });
          line.catch(() => undefined);
          if (frame.length % 2 === 1) await line;
        },
      };
    }),
    witness: async (link) => {
      const { near, far } = await link();
      await Promise.all([near.send(bytes('ab')), near.send(bytes('cd'))]);
      return (await told(far)) === 'abcd';
    },
  },
  {
    id: 'M150',
    what: 'cuts a frame over the limit and sends the rest as another',
    law: 'TR-01',
    make: eachEnd((end) => ({
      send: async (frame, call) => {
        if (frame.length <= 300_000) return await end.send(frame, call);
        await end.send(frame.subarray(0, 300_000), call);
        await end.send(frame.subarray(300_000), call);
      },
    })),
    witness: async (link) => {
      const { near } = await link();
      return await Promise.race([
        near.send(new Uint8Array(300_001)).then(
          () => true,
          () => false,
        ),
        turns(50).then(() => true),
      ]);
    },
  },
  {
    id: 'M152',
    what: 'an empty frame is lost',
    law: 'TR-01',
    make: eachEnd((end) => ({ send: async (frame, call) => (frame.length === 0 ? undefined : end.send(frame, call)) })),
    witness: async (link) => {
      const { near, far } = await link();
      await near.send(new Uint8Array(0));
      await near.send(bytes('x'));
      return (await told(far)) === 'x';
    },
  },
  {
    id: 'M153',
    what: 'close drops what was accepted',
    law: 'TR-10',
    make: eachEnd((end) => {
      const queue: Uint8Array[] = [];
      let closed = false;
      const pump = async (): Promise<void> => {
        await turns(1);
        for (let frame = queue.shift(); frame && !closed; frame = queue.shift()) await end.send(frame);
      };
      return {
        send: async (frame, call) => {
          if (closed || frame.length > 300_000 || call?.signal?.aborted) return await end.send(frame, call);
          if (queue.push(frame.slice()) === 1) void pump().catch(() => undefined);
        },
        close: async (reason) => {
          closed = true;
          await end.close(reason);
        },
      };
    }),
    witness: async (link) => {
      const { near, far } = await link();
      await near.send(bytes('last words'));
      await near.close();
      return (await told(far)) === undefined;
    },
  },
  {
    id: 'M155',
    what: 'calls back with connections after the listener closed',
    law: 'TR-10',
    make: (base) => ({
      ...base,
      listen: async (accept) => {
        let last: SyncConnection | undefined;
        const listener = await base.listen((end) => {
          last = end;
          accept(end);
        });
        return {
          endpoint: listener.endpoint,
          close: async () => {
            await listener.close();
            setImmediate(() => {
              if (last) accept(last);
            });
          },
        };
      },
    }),
    witness: async (link, transport) => {
      await link();
      const exchange = await openExchange(transport);
      await exchange.link();
      await exchange.listener.close();
      await turns(3);
      return exchange.accepted() === 2;
    },
  },
  {
    id: 'M156',
    what: 'a receive that was given up takes the next frame with it',
    law: 'TR-14',
    make: eachEnd((end) => ({
      receive: async (call) => {
        if (call?.signal === undefined || call.signal.aborted) return await end.receive(call);
        const { signal } = call;
        let onAbort = (): void => undefined;
        const gaveUp = new Promise<never>((_, reject) => {
          onAbort = () => reject(new StoreError('aborted', 'aborted while waiting'));
          signal.addEventListener('abort', onAbort, { once: true });
        });
        const frame = end.receive();
        frame.then(undefined, () => undefined);
        try {
          return await Promise.race([frame, gaveUp]);
        } finally {
          signal.removeEventListener('abort', onAbort);
        }
      },
    })),
    witness: async (link) => {
      const { near, far } = await link();
      const stop = new AbortController();
      const receiving = far.receive({ signal: stop.signal }).catch(() => undefined);
      stop.abort();
      await receiving;
      await near.send(bytes('first'));
      await near.send(bytes('second'));
      return (await told(far)) === 'second';
    },
  },
];
