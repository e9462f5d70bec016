import { StoreError } from '@spacestore/core';

/** The pieces of an answer's body; left early, it is cancelled. Throws: unavailable, where the connection breaks. */
export async function* chunksOf(stream: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  if (stream === null) return;
  const reader = stream.getReader();
  let done = false;
  try {
    for (let next = await read(reader); !next.done; next = await read(reader)) yield next.value;
    done = true;
  } finally {
    if (!done) await reader.cancel().catch(() => undefined); // it failed already, or nobody reads on
  }
}

async function read(reader: ReadableStreamDefaultReader<Uint8Array>): ReturnType<typeof reader.read> {
  try {
    return await reader.read();
  } catch (cause) {
    throw new StoreError('unavailable', 'the connection broke while the file was read', { cause });
  }
}
