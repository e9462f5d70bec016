import { type ClientMessage, encodeClientMessage } from '@spacestore/core/sync';
import { enter, greet, join, ops, record } from '../sync/wire-client.ts';
import { inTurns, mutations } from './mutated.ts';
import type { Target } from './mutation-target.ts';

/** Over real sockets: whoever is cut off comes again, and another's edits are acknowledged in between. */
export async function throwFrames({ server, tokenOf, count, mutate, thrown }: Target): Promise<Record<string, number>> {
  const url = `${(await server.listen()).replace('http', 'ws')}/v1/sync`;
  const http = (user: 'owner', method: 'POST' | 'PUT', path: string, payload: object) =>
    server.app.inject({ method, url: `/v1${path}`, headers: { authorization: `Bearer ${tokenOf(user)}` }, payload });
  for (const id of ['w1', 'w2']) {
    await http('owner', 'POST', '/workspaces', { id, codec: 'opaque' });
    await http('owner', 'PUT', `/workspaces/${id}/members/bob`, { role: 'editor' });
  }
  const steady = await greet(url, tokenOf('bob'));
  const { ws } = await enter(steady, 'w2');
  let edits = 0;
  const edit = async (): Promise<void> => {
    steady.send(ops(ws, ++edits, record(edits)));
    await steady.until('ack');
  };
  const throws = mutate ? mutations(77, count) : inTurns(count);
  const perConnection = mutate ? count : good(tokenOf('owner'), 1).length;
  let connections = 0;
  let next = throws.next();
  while (!next.done) {
    const client = await greet(url, tokenOf('owner'));
    connections++;
    const joined = await enter(client, 'w1', { tail: false });
    const frames = good(tokenOf('owner'), joined.ws).map(encodeClientMessage);
    for (let sent = 0; !next.done && sent < perConnection && client.socket.readyState === client.socket.OPEN; sent++) {
      client.sendFrame(next.value.change(next.value.pick(frames)));
      await thrown();
      if (sent % 4 === 3) await new Promise((resolve) => setImmediate(resolve));
      next = throws.next();
    }
    client.socket.terminate();
    if (connections % 20 === 0) await edit();
  }
  await edit();
  steady.socket.terminate();
  return { connections, edits };
}

/** One frame of each kind, for a workspace joined under a number; in this order no one ends the connection. */
const good = (token: string, ws: number): readonly ClientMessage[] => [
  ops(ws, 1, record(1), record(2, { tree: 'u' })),
  { kind: 'sub', ws, sub: 1, trees: ['t' as never], cursor: null },
  { kind: 'pull', ws, sub: 1, after: null, through: null },
  { kind: 'presence-up', ws, key: 'k', value: { a: [1, 2, { b: 'c' }] } },
  { kind: 'auth', token },
  { kind: 'leave', ws },
  join('w1', ['p1', 'p2']),
  { kind: 'bye', code: 'going_away', reason: 'done', reconnectAfterMs: null },
];
