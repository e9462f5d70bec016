import type { Law } from '../../spec/law.ts';
import { deliveryLaws } from './delivery.ts';
import { guardLaws } from './guard.ts';

export const syncLaws: readonly Law<'sync'>[] = [...deliveryLaws, ...guardLaws].sort((a, b) => (a.id < b.id ? -1 : 1));
