import type { SyncTransport } from '@spacestore/core';

/** The same transport, its frames' bytes counted both ways. */
export function countingTransport(
  inner: SyncTransport,
): SyncTransport & { readonly bytes: () => { readonly sent: number; readonly received: number } } {
  let sent = 0;
  let received = 0;
  return {
    ...inner,
    connect: async (endpoint, call) => {
      const connection = await inner.connect(endpoint, call);
      return {
        get bufferedBytes() {
          return connection.bufferedBytes;
        },
        send: (frame, sendCall) => {
          sent += frame.length;
          return connection.send(frame, sendCall);
        },
        receive: async (receiveCall) => {
          const frame = await connection.receive(receiveCall);
          received += frame?.length ?? 0;
          return frame;
        },
        close: (reason) => connection.close(reason),
      };
    },
    bytes: () => ({ sent, received }),
  };
}
