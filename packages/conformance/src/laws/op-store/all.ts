import type { Law } from '../../spec/law.ts';
import { appendLaws } from './append.ts';
import { atRestLaws } from './at-rest.ts';
import { concurrencyLaws } from './concurrency.ts';
import { convergenceLaws } from './convergence.ts';
import { durabilityLaws } from './durability.ts';
import { historyLaws } from './history.ts';
import { identityLaws } from './identity.ts';
import { lifecycleLaws } from './lifecycle.ts';
import { readLaws } from './reads.ts';

/** Every law of an OpStore. */
export const opStoreLaws: readonly Law<'op-store'>[] = [
  ...appendLaws,
  ...identityLaws,
  ...readLaws,
  ...concurrencyLaws,
  ...durabilityLaws,
  ...atRestLaws,
  ...lifecycleLaws,
  ...historyLaws,
  ...convergenceLaws,
];
