import { describeLaws } from '@spacestore/conformance/vitest';
import { subjects } from './web-socket.subject.ts';

for (const subject of subjects) describeLaws(subject);
