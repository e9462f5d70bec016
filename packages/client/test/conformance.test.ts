import { allLaws } from '@spacestore/conformance';
import { describeLaws } from '@spacestore/conformance/vitest';
import { subjects } from './wire.subject.ts';

// A kind without laws would be a suite without tests.
for (const subject of subjects) if (allLaws.some(({ kind }) => kind === subject.kind)) describeLaws(subject);
