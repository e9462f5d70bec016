import { subjects } from '../../../examples/adapter/json-log.subject.ts';
import { describeLaws } from '../src/run/vitest.ts';

for (const subject of subjects) describeLaws(subject);
