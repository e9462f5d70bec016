import type { Law } from '../../spec/law.ts';
import { concurrencyLaws } from './concurrency.ts';
import { sealedLaws } from './sealed.ts';
import { valueLaws } from './values.ts';

export const secretStoreLaws: readonly Law<'secret-store'>[] = [...valueLaws, ...sealedLaws, ...concurrencyLaws].sort((a, b) =>
  a.id < b.id ? -1 : 1,
);
