import { describeLaws } from '@spacestore/conformance/vitest';
import { subjects } from './libsql-remote.subject.ts';

for (const subject of subjects) describeLaws(subject);
