import { type Subject, transportSubject } from '@spacestore/conformance';
import { memoryTransport } from '@spacestore/core/memory';

const memory: Subject<'transport'> = transportSubject({ name: 'memory-transport', setup: () => ({}), open: () => memoryTransport() });

/** Small bounds, so that senders wait soon. */
const narrow: Subject<'transport'> = transportSubject({
  name: 'memory-transport-narrow',
  setup: () => ({}),
  open: () => memoryTransport({ maxFrameBytes: 300_000, maxBufferedBytes: 60_000 }),
});

export const subjects: readonly Subject<'transport'>[] = [memory, narrow];
