import type { BlobContent } from '../contracts/blob-store.ts';

/** The same content; `begin` is called when its body is first asked for, and what it returns once, with the error if there was one.
 *  A reader that leaves early has ended well. */
export function observedBody(content: BlobContent | undefined, begin: () => (error?: unknown) => void): BlobContent | undefined {
  if (!content) return undefined;
  let end: ((error?: unknown) => void) | undefined;
  let ended = false;
  const finish = (error?: unknown): void => {
    if (!ended) end?.(error);
    ended = true;
  };
  const body: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => {
      const chunks = content.body[Symbol.asyncIterator]();
      return {
        next: async () => {
          end ??= begin();
          try {
            const next = await chunks.next();
            if (next.done) finish();
            return next;
          } catch (error) {
            finish(error);
            throw error;
          }
        },
        return: async () => {
          finish();
          await chunks.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
  return { ...content, body };
}
