import { describeLaws } from '@spacestore/conformance/vitest';
import { subjects } from './azure.subject.ts';
import { subjects as bySas } from './azure-sas.subject.ts';

for (const subject of [...subjects, ...bySas]) describeLaws(subject);
