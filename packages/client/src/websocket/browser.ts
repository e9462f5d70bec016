import { StoreError } from '@spacestore/core';
import type { ListenSockets, OpenSocket, Socket } from './socket.ts';

export const openSocket: OpenSocket = (url, protocol) => new WebSocket(url, protocol) as unknown as Socket;

export const listenSockets: ListenSockets = () => Promise.reject(new StoreError('unsupported', 'a browser takes no connections'));
