import type { Law } from '../../spec/law.ts';
import { contentLaws } from './content.ts';
import { isolationLaws } from './isolation.ts';
import { lifecycleLaws } from './lifecycle.ts';
import { listingLaws } from './listing.ts';
import { mutableLaws } from './mutable.ts';
import { presignLaws } from './presign.ts';
import { rangeLaws } from './ranges.ts';
import { streamingLaws } from './streaming.ts';
import { wireLaws } from './wire.ts';

export const blobStoreLaws: readonly Law<'blob-store'>[] = [
  ...contentLaws,
  ...streamingLaws,
  ...rangeLaws,
  ...mutableLaws,
  ...listingLaws,
  ...isolationLaws,
  ...presignLaws,
  ...lifecycleLaws,
  ...wireLaws,
].sort((a, b) => (a.id < b.id ? -1 : 1));
