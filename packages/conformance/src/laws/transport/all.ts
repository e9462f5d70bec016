import type { Law } from '../../spec/law.ts';
import { frameLaws } from './frames.ts';
import { lifeLaws } from './life.ts';

export const transportLaws: readonly Law<'transport'>[] = [...frameLaws, ...lifeLaws].sort((a, b) => (a.id < b.id ? -1 : 1));
