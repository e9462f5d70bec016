import { canonicalJson, StoreError } from '@spacestore/core';
import type { KeyRing } from '@spacestore/core/layers';
import { CompactSign, compactVerify } from 'jose';

/** What this server said earlier, handed back by somebody who could not have changed it. */
export interface SignedStatements {
  readonly sign: (statement: object) => Promise<string>;
  /** The statement as it was signed, by any key of the ring. Throws: denied, with one answer for every flaw. */
  readonly verify: (signed: string) => Promise<Readonly<Record<string, unknown>>>;
}

const algorithm = 'HS256';

/** Statements of one purpose: those of another are as good as forged here. Compared in constant time by the library.
 *  Source: JSON Web Signature, RFC 7515; HMAC with SHA-256, RFC 2104. */
export function signedStatements(keys: KeyRing, purpose: string): SignedStatements {
  const own = { alg: algorithm, kid: keys.current.id } as const;
  return {
    sign: (statement) =>
      new CompactSign(new TextEncoder().encode(canonicalJson(statement))).setProtectedHeader(own).sign(keys.current.signingKey(purpose)),
    verify: async (signed) => {
      try {
        const { payload } = await compactVerify(signed, ({ kid }) => keyNamed(keys, kid, purpose), { algorithms: [algorithm] });
        return JSON.parse(new TextDecoder().decode(payload)) as Readonly<Record<string, unknown>>;
      } catch (cause) {
        throw new StoreError('denied', 'this was not signed by this server', { cause });
      }
    },
  };
}

function keyNamed(keys: KeyRing, id: string | undefined, purpose: string): Uint8Array {
  const key = id === undefined ? undefined : keys.byId(id);
  if (!key) throw new Error('signed with a key that is not in the ring');
  return key.signingKey(purpose);
}
