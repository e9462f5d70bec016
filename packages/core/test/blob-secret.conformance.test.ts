import { describeLaws } from '@spacestore/conformance/vitest';
import { subjects as blobs } from './memory-blobs.subject.ts';
import { subjects as secrets } from './memory-secrets.subject.ts';

for (const subject of [...blobs, ...secrets]) describeLaws(subject);
