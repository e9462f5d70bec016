import type { BlobKey, BlobRoot } from '@spacestore/core';
import type { ChildRole } from './child-job.ts';

/** A blob a child stores whole, and one it never gets to the end of. */
export interface HalfPutPlan {
  readonly root: string;
  readonly whole: string;
  readonly half: string;
  /** Repeated this often. */
  readonly text: string;
  readonly times: number;
}

/** Stores one blob, tells so, and begins another that stops half way until the child is killed. */
const halfPutter: ChildRole<'blob-store'> = async (store, plan, port) => {
  const { root, whole, half, text, times } = plan as unknown as HalfPutPlan;
  const bytes = new TextEncoder().encode(text.repeat(times));
  const at = root as BlobRoot;
  await store.put(at, whole as BlobKey, {
    sizeBytes: bytes.length,
    open: async function* () {
      yield bytes;
    },
  });
  port.tell('whole');
  await store.put(at, half as BlobKey, {
    open: async function* () {
      yield bytes;
      yield bytes;
      port.tell('half');
      await new Promise((resolve) => setTimeout(resolve, 600_000));
    },
  });
};

export const blobStoreRoles: Readonly<Record<string, ChildRole<'blob-store'>>> = { halfPutter };
