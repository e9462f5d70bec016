import { describeLaws } from '@spacestore/conformance/vitest';
import { subjects } from './folder.subject.ts';

for (const subject of subjects) describeLaws(subject);
