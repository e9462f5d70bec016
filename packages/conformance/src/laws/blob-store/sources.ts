import type { ByteSource } from '@spacestore/core';

/** A promise with its resolver. */
interface Gate<Value> {
  readonly opened: Promise<Value>;
  readonly open: (value: Value) => void;
}

function createGate<Value>(): Gate<Value> {
  let open: ((value: Value) => void) | undefined;
  const opened = new Promise<Value>((resolve) => {
    open = resolve;
  });
  return { opened, open: (value) => open?.(value) };
}

export interface GatedSource extends ByteSource {
  /** Resolves once the store asked for what comes after the first half. */
  readonly halfWay: Promise<void>;
  /** Lets the rest through, or fails in its place. */
  readonly go: (failure?: Error) => void;
  /** True once the store left the stream before its end. */
  readonly left: () => boolean;
}

/** A source that gives half of its content and then waits: what is visible meanwhile is a part. */
export function gatedSource(bytes: Uint8Array, stated = true): GatedSource {
  const asked = createGate<void>();
  const gate = createGate<Error | undefined>();
  let left = false;
  return {
    ...(stated ? { sizeBytes: bytes.length } : {}),
    halfWay: asked.opened,
    go: (failure) => gate.open(failure),
    left: () => left,
    open: () => {
      const half = Math.floor(bytes.length / 2);
      const steps: (() => Promise<IteratorResult<Uint8Array>>)[] = [
        async () => ({ done: false, value: bytes.slice(0, half) }),
        async () => {
          asked.open();
          const failure = await gate.opened;
          if (failure) throw failure;
          return { done: false, value: bytes.slice(half) };
        },
      ];
      return {
        [Symbol.asyncIterator]: () => ({
          next: () => steps.shift()?.() ?? Promise.resolve({ done: true, value: undefined }),
          return: async () => {
            left = true;
            return { done: true, value: undefined };
          },
        }),
      };
    },
  };
}

/** Gives these chunks, then fails. */
export const failingSource = (chunks: readonly Uint8Array[], failure: Error, sizeBytes?: number): ByteSource => ({
  ...(sizeBytes === undefined ? {} : { sizeBytes }),
  open: async function* () {
    yield* chunks;
    throw failure;
  },
});

export interface WatchedSource extends ByteSource {
  /** True if a chunk was asked for while another was still on its way. */
  readonly overlapped: () => boolean;
}

/** Gives chunks late, all in one buffer it fills anew each time, and notes whether it is read one chunk at a time. */
export function watchedSource(chunks: readonly Uint8Array[]): WatchedSource {
  let overlapped = false;
  return {
    overlapped: () => overlapped,
    open: () => {
      const rest = [...chunks];
      const buffer = new Uint8Array(Math.max(0, ...chunks.map((chunk) => chunk.length)) + 7);
      let busy = false;
      const next = async (): Promise<IteratorResult<Uint8Array>> => {
        if (busy) overlapped = true;
        busy = true;
        await new Promise((resolve) => setImmediate(resolve));
        busy = false;
        buffer.fill(0xaa); // whoever asks for the next chunk is done with the one before
        const chunk = rest.shift();
        if (chunk === undefined) return { done: true, value: undefined };
        buffer.set(chunk, 7);
        return { done: false, value: buffer.subarray(7, 7 + chunk.length) };
      };
      return { [Symbol.asyncIterator]: () => ({ next }) };
    },
  };
}
