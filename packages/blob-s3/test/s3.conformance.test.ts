import { describeLaws } from '@spacestore/conformance/vitest';
import { subjects } from './buckets.subject.ts';

for (const subject of subjects) describeLaws(subject);
