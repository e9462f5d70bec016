import type { OpMutant } from './mutant.ts';
import { identityMutants } from './op-store-identity.ts';
import { lifeMutants } from './op-store-life.ts';
import { readMutants } from './op-store-reads.ts';
import { writeMutants } from './op-store-writes.ts';

/** Every broken OpStore. */
export const opMutants: readonly OpMutant[] = [...writeMutants, ...identityMutants, ...readMutants, ...lifeMutants];
