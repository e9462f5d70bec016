import { type BlobContent, type BlobStore, StoreError } from '@spacestore/core';
import { verifyBlobs } from '@spacestore/core/layers';
import type { Wire, WireFault } from '../world/wire.ts';

/** A wire of which every call is one request. */
export interface CallWire extends Wire {
  /** The fault of the call that begins now. */
  readonly next: (isContent: boolean) => WireFault | undefined;
}

const busyTimes = 3;

export function callWire(): CallWire {
  let armed: { readonly fault: WireFault; left: number; busy: number; state: ReturnType<Wire['disarm']> } | undefined;
  return {
    arm: (fault, after) => {
      armed = { fault, left: after, busy: 0, state: 'not reached' };
    },
    disarm: () => {
      const state = armed?.state ?? 'not reached';
      armed = undefined;
      return state;
    },
    next: (isContent) => {
      if (armed === undefined) return undefined;
      if (armed.busy > 0) {
        armed.busy -= 1;
        return 'busy';
      }
      armed.left -= 1;
      if (armed.left !== -1) return undefined;
      const meets = isContent || !armed.fault.startsWith('body');
      armed.state = meets ? 'met' : 'passed';
      if (armed.fault === 'busy') armed.busy = busyTimes - 1;
      return meets ? armed.fault : undefined;
    },
  };
}

/** The store as if it were far away, and checked on this side. */
export function overWire(store: BlobStore, wire: CallWire): BlobStore {
  const over =
    <Args extends readonly unknown[], Result>(isContent: boolean, call: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      const fault = wire.next(isContent);
      if (fault === 'busy') throw new StoreError('busy', 'by script');
      if (fault === 'request lost') throw new StoreError('unavailable', 'by script');
      const result = await call(...args);
      if (fault === 'reply lost') throw new StoreError('unavailable', 'by script');
      if (fault === undefined || result === undefined) return result;
      const content = result as BlobContent;
      return { ...content, body: spoilt(content.body, Math.floor(content.sizeBytes / 2), fault) } as Result;
    };
  return verifyBlobs()({
    ...store,
    put: over(false, store.put),
    get: over(true, store.get),
    head: over(false, store.head),
    list: over(false, store.list),
    delete: over(false, store.delete),
    drop: over(false, store.drop),
  });
}

async function* spoilt(body: AsyncIterable<Uint8Array>, at: number, fault: WireFault): AsyncGenerator<Uint8Array> {
  let seen = 0;
  for await (const chunk of body) {
    const place = at - seen;
    seen += chunk.length;
    if (place < 0 || place >= chunk.length) {
      yield chunk;
      continue;
    }
    yield chunk.slice(0, place);
    if (fault === 'body cut') throw new StoreError('unavailable', 'by script');
    if (fault === 'body shortened') return;
    yield Uint8Array.from(chunk.subarray(place), (byte, i) => (i === 0 ? byte ^ 1 : byte));
  }
}
