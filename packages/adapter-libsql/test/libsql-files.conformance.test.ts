import { describeLaws } from '@spacestore/conformance/vitest';
import { subjects } from './libsql-files.subject.ts';

for (const subject of subjects) describeLaws(subject);
