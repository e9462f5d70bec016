import { describeLaws } from '@spacestore/conformance/vitest';
import { subjects } from './sqlite-files.subject.ts';

for (const subject of subjects) describeLaws(subject);
