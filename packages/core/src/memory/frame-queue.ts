import type { CallOptions } from '../call.ts';
import { throwIfAborted } from '../call.ts';
import { StoreError } from '../errors.ts';

interface Sender {
  readonly frame: Uint8Array;
  readonly accepted: () => void;
  readonly refused: (error: StoreError) => void;
}

interface Receiver {
  readonly resolve: (frame: Uint8Array | undefined) => void;
  readonly reject: (error: StoreError) => void;
}

/** One direction of a connection: frames in order, at most a bound of bytes ahead of the receiver. */
export interface FrameQueue {
  /** Bytes accepted and not yet received. */
  readonly bufferedBytes: () => number;
  /** Resolves when the frame is in the queue; waits while more than the bound is. Senders are served in the order they called. */
  readonly push: (frame: Uint8Array, call: CallOptions | undefined) => Promise<void>;
  /** The next frame, or undefined when the queue has ended and is empty. */
  readonly shift: (call: CallOptions | undefined) => Promise<Uint8Array | undefined>;
  /** Nothing more comes in; what was accepted still goes out. Senders that wait are refused as `closed`. */
  readonly end: () => void;
  /** Whatever is not received is lost; receivers get the error. */
  readonly fail: (error: StoreError) => void;
}

export function createFrameQueue(boundBytes: number): FrameQueue {
  const frames: Uint8Array[] = [];
  const senders = new Set<Sender>();
  const receivers = new Set<Receiver>();
  let bufferedBytes = 0;
  let state: 'open' | 'ended' | StoreError = 'open';

  const take = <Item>(items: Set<Item>): Item | undefined => {
    const [first] = items;
    if (first !== undefined) items.delete(first);
    return first;
  };
  const settle = (): void => {
    while (senders.size > 0 && bufferedBytes <= boundBytes) {
      const sender = take(senders) as Sender;
      frames.push(sender.frame.slice());
      bufferedBytes += sender.frame.length;
      sender.accepted();
      deliver();
    }
    deliver();
  };
  const deliver = (): void => {
    while (receivers.size > 0 && frames.length > 0) {
      const frame = frames.shift() as Uint8Array;
      bufferedBytes -= frame.length;
      take(receivers)?.resolve(frame);
    }
    while (receivers.size > 0 && state !== 'open') {
      const receiver = take(receivers) as Receiver;
      if (state === 'ended') receiver.resolve(undefined);
      else receiver.reject(state);
    }
  };
  const refuseSenders = (): void => {
    for (let sender = take(senders); sender; sender = take(senders)) sender.refused(closedError());
  };

  return {
    bufferedBytes: () => bufferedBytes,
    push: (frame, call) =>
      waiting(
        call,
        senders,
        (resolve, reject) => {
          if (state !== 'open') throw closedError();
          return { frame, accepted: () => resolve(undefined), refused: reject };
        },
        settle,
      ),
    shift: (call) => waiting<Receiver, Uint8Array | undefined>(call, receivers, (resolve, reject) => ({ resolve, reject }), settle),
    end: () => {
      if (state !== 'open') return;
      state = 'ended';
      refuseSenders();
      settle();
    },
    fail: (error) => {
      if (typeof state === 'object') return;
      state = error;
      frames.length = 0;
      bufferedBytes = 0;
      refuseSenders();
      settle();
    },
  };
}

/** Enters a line and resolves when served; an abort leaves the line, so that nothing happens later on its behalf. */
async function waiting<Entry, Result>(
  call: CallOptions | undefined,
  line: Set<Entry>,
  enter: (resolve: (result: Result) => void, reject: (error: StoreError) => void) => Entry,
  settle: () => void,
): Promise<Result> {
  throwIfAborted(call);
  const signal = call?.signal;
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise<Result>((resolve, reject) => {
      const entry = enter(resolve, reject);
      line.add(entry);
      onAbort = () => {
        if (line.delete(entry)) reject(new StoreError('aborted', 'aborted while waiting', { cause: signal?.reason }));
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      settle();
    });
  } finally {
    if (onAbort) signal?.removeEventListener('abort', onAbort);
  }
}

export function closedError(): StoreError {
  return new StoreError('closed', 'the connection is closed');
}
