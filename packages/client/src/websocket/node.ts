import type { AddressInfo } from 'node:net';
import { WebSocket, WebSocketServer } from 'ws';
import type { ListenSockets, OpenSocket, Socket } from './socket.ts';

export const openSocket: OpenSocket = (url, protocol, maxFrameBytes) =>
  new WebSocket(url, protocol, { maxPayload: maxFrameBytes, perMessageDeflate: false }) as unknown as Socket;

export const listenSockets: ListenSockets = async (protocol, maxFrameBytes, accept) => {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    maxPayload: maxFrameBytes,
    perMessageDeflate: false,
    handleProtocols: (offered) => (offered.has(protocol) ? protocol : false),
  });
  await new Promise<void>((resolve, reject) => {
    server.once('listening', resolve);
    server.once('error', reject);
  });
  server.on('connection', (socket) => accept(socket as unknown as Socket));
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}`,
    close: () =>
      new Promise<void>((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()));
      }),
  };
};
