import type { AnyLaw } from '../spec/law.ts';
import { blobStoreLaws } from './blob-store/all.ts';
import { fileIndexLaws } from './file-index/all.ts';
import { opStoreLaws } from './op-store/all.ts';
import { outboxLaws } from './outbox/all.ts';
import { secretStoreLaws } from './secret-store/all.ts';
import { syncLaws } from './sync/all.ts';
import { transportLaws } from './transport/all.ts';

/** Every law of the kit, in the order they are tried. */
export const allLaws: readonly AnyLaw[] = [
  ...opStoreLaws,
  ...blobStoreLaws,
  ...secretStoreLaws,
  ...fileIndexLaws,
  ...transportLaws,
  ...outboxLaws,
  ...syncLaws,
];
