import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { serveFigures } from '../sync/figures.ts';

/** Bare `ws` and better-sqlite3: a file a workspace, unique ids, a head row, FULL sync, one transaction a turn of the event loop; no checks, no roles, no resume. */
interface Room {
  readonly sockets: Set<WebSocket>;
  readonly pending: { readonly from: WebSocket; readonly frame: Buffer }[];
  readonly commit: (frames: readonly Buffer[]) => void;
  readonly readAll: () => Iterable<{ tree: string; peer: string; counter: number; body: string }>;
}

const dir = process.argv[2] as string;
const rooms = new Map<string, Room>();

const schema = `CREATE TABLE IF NOT EXISTS record (position INTEGER PRIMARY KEY, tree TEXT, peer TEXT, counter INTEGER, received_at INTEGER, body TEXT);
  CREATE UNIQUE INDEX IF NOT EXISTS record_id ON record (tree, peer, counter);
  CREATE TABLE IF NOT EXISTS head (id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER);
  INSERT OR IGNORE INTO head VALUES (1, 0);`;

function openRoom(workspace: string): Room {
  const db = new Database(join(dir, `${workspace}.db`));
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.exec(schema);
  const insert = db.prepare('INSERT OR IGNORE INTO record VALUES (?, ?, ?, ?, ?, ?)');
  const head = db.prepare('UPDATE head SET position = ? WHERE id = 1');
  let position = (db.prepare('SELECT position FROM head').get() as { position: number }).position;
  const commit = db.transaction((frames: readonly Buffer[]) => {
    const now = Date.now();
    for (const frame of frames) {
      let at = 1;
      const treeEnd = at + 1 + (frame[at] as number);
      const tree = frame.toString('latin1', at + 1, treeEnd);
      at = treeEnd + 1 + (frame[treeEnd] as number);
      const peer = frame.toString('latin1', treeEnd + 1, at);
      const count = frame.readUInt16LE(at);
      at += 2;
      for (let n = 0; n < count; n++) {
        const counter = frame.readUInt32LE(at);
        const end = at + 6 + frame.readUInt16LE(at + 4);
        if (insert.run(position + 1, tree, peer, counter, now, frame.toString('utf8', at + 6, end)).changes > 0) position++;
        at = end;
      }
    }
    head.run(position);
  });
  const all = db.prepare<[], { tree: string; peer: string; counter: number; body: string }>(
    'SELECT tree, peer, counter, body FROM record ORDER BY position',
  );
  return { sockets: new Set(), pending: [], commit: (frames) => commit.immediate(frames), readAll: () => all.iterate() };
}

function flush(room: Room): void {
  const group = room.pending.splice(0);
  room.commit(group.map((entry) => entry.frame));
  const acks = new Map<WebSocket, number>();
  for (const { from, frame } of group) {
    for (const socket of room.sockets) if (socket !== from) socket.send(frame);
    acks.set(from, (acks.get(from) ?? 0) + 1);
  }
  for (const [socket, count] of acks) {
    const ack = Buffer.alloc(5);
    ack[0] = 2;
    ack.writeUInt32LE(count, 1);
    socket.send(ack);
  }
}

/** The whole log in frames of 1,000 JSON lines: what a simple server would send to a cold client. */
function sendAll(room: Room, socket: WebSocket): void {
  let lines: string[] = [];
  const send = (): void => {
    socket.send(Buffer.from(`\u0003${lines.join('\n')}`));
    lines = [];
  };
  for (const { tree, peer, counter, body } of room.readAll()) {
    lines.push(`["${tree}","${peer}",${counter},${body}]`);
    if (lines.length === 1000) send();
  }
  send();
  socket.send(Buffer.from([4]));
}

const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false });
server.on('connection', (socket, request) => {
  const workspace = (request.url ?? '/').slice(1);
  const joined = rooms.get(workspace) ?? openRoom(workspace);
  rooms.set(workspace, joined);
  joined.sockets.add(socket);
  socket.on('close', () => joined.sockets.delete(socket));
  socket.on('error', () => socket.terminate());
  socket.on('message', (data: RawData) => {
    const frame = data as Buffer;
    if (frame[0] === 3) sendAll(joined, socket);
    else if (joined.pending.push({ from: socket, frame }) === 1) setImmediate(flush, joined);
  });
});
server.on('listening', () => serveFigures(`ws://127.0.0.1:${(server.address() as { port: number }).port}`));
