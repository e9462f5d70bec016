import { describeLaws } from '@spacestore/conformance/vitest';
import { subjects as layered } from './layered.subject.ts';
import { subjects as memory } from './memory.subject.ts';

for (const subject of [...memory, ...layered]) describeLaws(subject);
