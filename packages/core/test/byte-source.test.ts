import { getEventListeners } from 'node:events';
import { bytesSource, drainSource, orAborted, readAll, verifiedBody } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { bytesOf, chunked, failing, hanging, sha256Hex } from './streams.ts';

describe('a source over bytes', () => {
  it('can be read again and does not follow later changes of the array', async () => {
    const bytes = bytesOf(200_000);
    const expected = bytes.slice();
    const source = bytesSource(bytes);
    bytes.fill(0);
    expect(await readAll(source.open(), 200_000)).toEqual(expected);
    expect(await readAll(source.open(), 200_000)).toEqual(expected);
  });

  it('is too large for a smaller array', async () => {
    await expect(readAll(bytesSource(bytesOf(11)).open(), 10)).rejects.toMatchObject({ code: 'too_large' });
  });
});

describe('draining a source', () => {
  const drain = (source: Parameters<typeof drainSource>[0], maxBytes = 1000, signal?: AbortSignal) =>
    drainSource(source, { maxBytes, call: signal && { signal } }, () => undefined);

  it('tells length and hash, whatever the chunks', async () => {
    const bytes = bytesOf(1000);
    const expected = { sizeBytes: 1000, sha256: sha256Hex(bytes) };
    for (const sizes of [[1000], [0, 1, 999], [400, 0, 600, 0]]) expect(await drain(chunked(bytes, sizes))).toEqual(expected);
    expect(await drain(bytesSource(new Uint8Array(0)))).toEqual({ sizeBytes: 0, sha256: sha256Hex(new Uint8Array(0)) });
  });

  it('refuses one byte too many, a wrong length and what is not bytes', async () => {
    await expect(drain(chunked(bytesOf(1001), [1001]))).rejects.toMatchObject({ code: 'too_large' });
    await expect(drain({ ...bytesSource(bytesOf(3)), sizeBytes: 1001 })).rejects.toMatchObject({ code: 'too_large' });
    for (const sizeBytes of [2, 4])
      await expect(drain({ ...bytesSource(bytesOf(3)), sizeBytes })).rejects.toMatchObject({ code: 'invalid' });
    const text = {
      open: async function* () {
        yield 'text' as unknown as Uint8Array;
      },
    };
    await expect(drain(text)).rejects.toMatchObject({ code: 'invalid' });
  });

  it('passes on the error of the source as it is', async () => {
    const broken = new Error('the disk of the caller');
    await expect(drain(failing(10, broken))).rejects.toBe(broken);
  });

  it('gives up on a source that hangs when the caller does, and leaves it', async () => {
    const abort = new AbortController();
    const { source, left } = hanging(5);
    const draining = drain(source, 1000, abort.signal);
    setImmediate(() => abort.abort());
    await expect(draining).rejects.toMatchObject({ code: 'aborted' });
    expect(left()).toBe(true);
  });

  it('leaves the source when writing fails', async () => {
    const { source, left } = hanging(5);
    const full = new Error('full');
    const writing = drainSource(source, { maxBytes: 1000 }, () => {
      throw full;
    });
    await expect(writing).rejects.toBe(full);
    expect(left()).toBe(true);
  });
});

describe('a verified body', () => {
  const collect = async (body: AsyncIterable<Uint8Array>) => {
    const seen: Uint8Array[] = [];
    const error: unknown = await (async () => {
      for await (const chunk of body) seen.push(chunk);
    })().then(
      () => undefined,
      (cause: unknown) => cause,
    );
    return { sizeBytes: seen.reduce((sum, chunk) => sum + chunk.length, 0), error };
  };

  it('delivers right content, and of wrong content never all', async () => {
    const bytes = bytesOf(300);
    const expected = { sizeBytes: 300, sha256: sha256Hex(bytes) };
    const flipped = bytes.map((byte, i) => (i === 299 ? byte ^ 1 : byte));
    expect(await collect(verifiedBody(chunked(bytes, [100, 200]).open(), expected))).toEqual({ sizeBytes: 300, error: undefined });
    for (const wrong of [flipped, bytes.slice(0, 299), bytesOf(301), new Uint8Array(0)]) {
      const { sizeBytes, error } = await collect(verifiedBody(chunked(wrong, [100, wrong.length - 100]).open(), expected));
      expect(error).toMatchObject({ code: 'corrupt' });
      expect(sizeBytes).toBeLessThan(300);
    }
  });
});

describe('work that may be aborted', () => {
  it('leaves no listener on the signal', async () => {
    const { signal } = new AbortController();
    for (let i = 0; i < 100; i++) await orAborted(Promise.resolve(i), { signal });
    await expect(orAborted(Promise.reject(new Error('x')), { signal })).rejects.toThrow('x');
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });
});
