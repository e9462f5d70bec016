import type { BlockBlobClient } from '@azure/storage-blob';
import type { CallOptions } from '@spacestore/core';
import { onAzure } from './errors.ts';

export interface StagingOptions {
  readonly blockBytes: number;
  readonly parallelBlocks: number;
  /** Names this put: ids of blocks begin with it, so that two puts of a blob never commit each other's. */
  readonly put: string;
  /** Called once, before the first block is sent. False: none is to be sent, only counted. */
  readonly begin: () => Promise<boolean>;
  /** Ends what is on its way. */
  readonly call: CallOptions;
}

/** Content on its way: short content waits here whole, longer content is sent block by block; nothing of it is visible before it is committed. */
export interface StagedBlocks {
  /** Takes a copy of the chunk; waits while enough blocks are on their way. Throws: what sending a block threw. */
  readonly write: (chunk: Uint8Array) => Promise<void>;
  /** Sends the rest. The ids of the blocks in order, or the content itself if it was short; undefined if `begin` said no. */
  readonly finish: () => Promise<{ readonly ids: readonly string[] } | { readonly bytes: Uint8Array } | undefined>;
  /** Resolves when nothing is on its way any more. */
  readonly settled: () => Promise<void>;
}

/** All ids of a blob's blocks must be equally long. */
export function blockId(put: string, index: number): string {
  return Buffer.from(`${put}-${String(index).padStart(6, '0')}`).toString('base64');
}

export function stageBlocks(blob: BlockBlobClient, options: StagingOptions, sizeBytes: number | undefined): StagedBlocks {
  const { blockBytes, parallelBlocks, put, begin, call } = options;
  const underWay = new Set<Promise<void>>();
  const free: Uint8Array[] = [];
  const ids: string[] = [];
  let failure: { readonly error: unknown } | undefined;
  let sending: boolean | undefined;
  let block: Uint8Array = new Uint8Array(Math.min(blockBytes, Math.max(0, sizeBytes ?? 64 * 1024)));
  let filled = 0;

  const send = async (): Promise<void> => {
    sending ??= await begin();
    const length = filled;
    filled = 0;
    if (!sending) return;
    while (underWay.size >= parallelBlocks) await Promise.race(underWay);
    if (failure) throw failure.error;
    const sent = block;
    block = free.pop() ?? new Uint8Array(blockBytes);
    const id = blockId(put, ids.length);
    ids.push(id);
    const staging = onAzure(call, (abortSignal) => blob.stageBlock(id, sent.subarray(0, length), length, { abortSignal }))
      .then(
        () => void free.push(sent),
        (error: unknown) => {
          failure ??= { error };
        },
      )
      .finally(() => underWay.delete(staging));
    underWay.add(staging);
  };

  /** Room for more in a block that is not yet as long as a block may be. */
  const grow = (needed: number): void => {
    if (block.length >= blockBytes || block.length >= needed) return;
    const larger = new Uint8Array(Math.min(blockBytes, Math.max(needed, block.length * 4)));
    larger.set(block.subarray(0, filled));
    block = larger;
  };

  return {
    write: async (chunk) => {
      for (let at = 0; at < chunk.length; ) {
        if (filled === blockBytes) await send();
        grow(filled + chunk.length - at);
        const part = chunk.subarray(at, at + block.length - filled);
        block.set(part, filled);
        filled += part.length;
        at += part.length;
      }
    },
    finish: async () => {
      if (sending === undefined) return { bytes: block.subarray(0, filled) };
      if (filled > 0) await send();
      await Promise.all(underWay);
      if (failure) throw failure.error;
      return sending ? { ids } : undefined;
    },
    settled: async () => {
      await Promise.all(underWay);
    },
  };
}
