import { describeLaws } from '@spacestore/conformance/vitest';
import { subjects } from './sqlite-secrets.subject.ts';

for (const subject of subjects) describeLaws(subject);
