import { describeLaws } from '@spacestore/conformance/vitest';
import { subjects } from './sqlite-outbox.subject.ts';

for (const subject of subjects) describeLaws(subject);
