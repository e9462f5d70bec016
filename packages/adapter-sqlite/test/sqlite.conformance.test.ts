import { describeLaws } from '@spacestore/conformance/vitest';
import { subjects } from './sqlite.subject.ts';

for (const subject of subjects) describeLaws(subject);
