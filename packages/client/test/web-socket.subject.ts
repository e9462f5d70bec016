import { webSocketTransport } from '@spacestore/client';
import { type Subject, transportSubject } from '@spacestore/conformance';

const webSocket: Subject<'transport'> = transportSubject({ name: 'web-socket', setup: () => ({}), open: () => webSocketTransport() });

export const subjects: readonly Subject<'transport'>[] = [webSocket];
