import { describeLaws } from '@spacestore/conformance/vitest';
import { subjects as outboxes } from './memory-outbox.subject.ts';
import { subjects as transports } from './memory-transport.subject.ts';

for (const subject of [...transports, ...outboxes]) describeLaws(subject);
