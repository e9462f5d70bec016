import { type CallOptions, hasCode, StoreError, type SyncTransport } from '@spacestore/core';
import { decodeServerMessage, encodeClientMessage, type ServerMessage, type WireLimits } from '@spacestore/core/sync';

const frameLimits = { maxFrameBytes: 1024 * 1024, maxRecords: 1 };

/** The limits a server tells in WELCOME. Throws: unauthenticated, unavailable, and what it says in BYE. */
export async function askLimits(transport: SyncTransport, endpoint: string, token: string, call?: CallOptions): Promise<WireLimits> {
  const connection = await transport.connect(endpoint, call);
  try {
    await connection.send(encodeClientMessage({ kind: 'hello', versions: [1], token, client: 'limits', compress: [] }), call);
    const frame = await connection.receive(call);
    if (frame === undefined) throw new StoreError('unavailable', 'the server closed without a word');
    const message: ServerMessage = await decodeServerMessage(frame, frameLimits, () => Promise.reject(new Error('not compressed')));
    if (message.kind === 'welcome') return message.limits;
    if (message.kind === 'bye' && hasCode(new StoreError(message.code as StoreError['code'], ''), 'unauthenticated'))
      throw new StoreError('unauthenticated', message.reason);
    throw new StoreError('unavailable', message.kind === 'bye' ? message.reason : 'the server did not greet');
  } finally {
    await connection.close();
  }
}
