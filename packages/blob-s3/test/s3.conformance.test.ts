import { describeLaws } from '@spacestore/conformance/vitest';
import { subjects } from './s3.subject.ts';

for (const subject of subjects) describeLaws(subject);
