import { once } from 'node:events';
import type { OpRecord } from '@spacestore/core';
import { WebSocket } from 'ws';
import type { Driver } from './driver.ts';
import { startServer } from './server-process.ts';

/** Talks to baseline/ws-sqlite-server.ts. */
export const baselineDriver: Driver = {
  name: 'baseline',
  start: (dir) => startServer(new URL('../baseline/ws-sqlite-server.ts', import.meta.url), dir),
  prepare: () => Promise.resolve(),
  connect: async (server, workspace, events) => {
    const socket = await open(server.url, workspace);
    socket.on('message', (data: Buffer) => {
      if (data[0] === 2) events.onAck?.(data.readUInt32LE(1));
      else events.onRecords?.(countOf(data));
    });
    return { send: (records) => socket.send(frameOf(records)), close: () => socket.terminate() };
  },
  idle: async (server, workspace) => {
    const socket = await open(server.url, workspace);
    return { close: () => socket.terminate() };
  },
  cold: async (server, workspace) => {
    const socket = await open(server.url, workspace);
    let records = 0;
    let bytes = 0;
    const done = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => {
        bytes += data.length;
        if (data[0] === 4) return resolve();
        for (const line of data.toString('utf8', 1).split('\n'))
          if (line !== '') records += (JSON.parse(line) as unknown[]).length > 0 ? 1 : 0;
      });
    });
    socket.send(Buffer.from([3]));
    await done;
    socket.terminate();
    return { records, bytes };
  },
};

async function open(url: string, workspace: string): Promise<WebSocket> {
  const socket = new WebSocket(`${url}/${workspace}`, { perMessageDeflate: false });
  await once(socket, 'open');
  return socket;
}

function frameOf(records: readonly OpRecord[]): Buffer {
  const { tree, peer } = records[0] as OpRecord;
  const size = 5 + tree.length + peer.length + records.reduce((sum, record) => sum + 6 + record.body.length, 0);
  const frame = Buffer.allocUnsafe(size);
  let at = frame.writeUInt8(1, 0);
  for (const text of [tree, peer]) {
    at = frame.writeUInt8(text.length, at);
    at += frame.write(text, at, 'latin1');
  }
  at = frame.writeUInt16LE(records.length, at);
  for (const { counter, body } of records) {
    at = frame.writeUInt32LE(counter, at);
    at = frame.writeUInt16LE(body.length, at);
    frame.set(body, at);
    at += body.length;
  }
  return frame;
}

function countOf(frame: Buffer): number {
  const tree = frame[1] as number;
  const peer = frame[2 + tree] as number;
  return frame.readUInt16LE(3 + tree + peer);
}
