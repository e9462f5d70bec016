import type { Law } from '../../spec/law.ts';
import { entryLaws } from './entries.ts';
import { sweepLaws } from './sweep.ts';

export const fileIndexLaws: readonly Law<'file-index'>[] = [...entryLaws, ...sweepLaws].sort((a, b) => (a.id < b.id ? -1 : 1));
