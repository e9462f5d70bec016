import { createSha256 } from '#sha256';
import { equalBytes } from '../bytes.ts';
import type { ByteSource } from '../contracts/blob-store.ts';
import { StoreError } from '../errors.ts';

const sealBytes = 32;

/** The same bytes followed by their sha256, so that whoever reads them knows that they are whole. SQLite ignores what follows its last page. */
export function sealedSource(source: ByteSource): ByteSource {
  return {
    ...(source.sizeBytes === undefined ? {} : { sizeBytes: source.sizeBytes + sealBytes }),
    open: async function* () {
      const hash = createSha256();
      for await (const chunk of source.open()) {
        hash.update(chunk);
        yield chunk;
      }
      yield new Uint8Array(hash.digest());
    },
  };
}

/** What `sealedSource` was made of. Reading it to the end throws: corrupt, unless it is whole. */
export function unsealedSource(source: ByteSource): ByteSource {
  return {
    open: async function* () {
      const hash = createSha256();
      let held: Uint8Array = new Uint8Array(0);
      let read = 0;
      for await (const chunk of source.open()) {
        read += chunk.length;
        const joined = new Uint8Array(held.length + chunk.length);
        joined.set(held);
        joined.set(chunk, held.length);
        const ready = joined.subarray(0, Math.max(0, joined.length - sealBytes));
        held = joined.subarray(ready.length);
        hash.update(ready);
        if (ready.length > 0) yield ready;
      }
      const cutShort = source.sizeBytes !== undefined && source.sizeBytes !== read;
      if (cutShort || held.length !== sealBytes || !equalBytes(new Uint8Array(hash.digest()), held))
        throw new StoreError('corrupt', 'not a whole snapshot', { context: { sizeBytes: read } });
    },
  };
}
