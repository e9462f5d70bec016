import { randomUUID } from 'node:crypto';
import { inTurns, mutations } from './mutated.ts';
import type { Target } from './mutation-target.ts';

interface Call {
  readonly method: 'POST' | 'PUT' | 'PATCH';
  readonly path: string;
  readonly type: string;
  readonly body: Uint8Array;
}

const json = (method: Call['method'], path: string, value: unknown): Call => ({
  method,
  path,
  type: 'application/json',
  body: Buffer.from(JSON.stringify(value)),
});
const lines = (path: string, ...values: readonly unknown[]): Call => ({
  method: 'POST',
  path,
  type: 'application/x-ndjson',
  body: Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join('')),
});
const value = Buffer.from('a secret').toString('base64');

/** Every route that takes a body but uploads, which take any bytes. */
function callsOf(uuid: string, backup: Uint8Array): readonly Call[] {
  const operation = { tree: 't', peer: 'p', counter: 1, op: ['p', 'v', 'name', { a: [1, 'x', null] }] };
  const often = [
    json('POST', '/workspaces', { id: 'w1', name: 'One', codec: 'reptree-1', settings: { relay: true, app: { a: 1 } } }),
    json('PATCH', '/workspaces/w1', { name: 'One', settings: { relay: true, app: { color: 'blue' } } }),
    json('PUT', '/workspaces/w1/members/bob', { role: 'editor' }),
    json('POST', '/workspaces/w1/operations', { records: [operation, { ...operation, counter: 2 }], peers: ['p'] }),
    json('POST', '/workspaces/w1/operations/query', { trees: ['t'], missing: { t: { p: [[0, 1]] } }, limit: 10 }),
    json('POST', '/workspaces/w1/vector/query', { trees: ['t'], limit: 10 }),
    lines('/workspaces/w1/operations/stream', operation, { ...operation, counter: 3 }),
    lines('/workspaces/w1/import', { treeId: 't', id: { counter: 4, peerId: 'p' }, targetId: 'v', parentId: null }),
    json('PUT', '/workspaces/w1/secrets/token', { value, ifVersion: 0, writeId: 'w-1' }),
    json('PUT', '/workspaces/w1/secret-values', { entries: [{ name: 'other', value, ifVersion: 0 }], writeId: 'w-2' }),
    json('PATCH', `/workspaces/w1/files/var/${uuid}/metadata`, { name: 'a.txt', mimeType: 'text/plain' }),
    json('POST', '/workspaces/w2/transfer', { to: 'bob' }),
  ];
  const restore: Call = { method: 'POST', path: '/workspaces/w1/restore', type: 'application/octet-stream', body: backup };
  return [...Array(8).fill(often).flat(), restore]; // it takes longer than the others
}

/** Answers that are given for a bad body. Of a damaged backup the server says that it is damaged. */
function isTyped(call: Call, status: number, body: string): boolean {
  if (status < 500) return status < 400 || /"code":"\w+"/.test(body);
  return call.path.endsWith('/restore') && body.includes('"code":"corrupt"');
}

/** Through the server's own entrance for requests, without a network. */
export async function throwBodies({ server, tokenOf, count, mutate, thrown }: Target): Promise<Record<string, number>> {
  const ask = (user: 'owner' | 'bob', method: 'GET' | Call['method'], path: string, type?: string, payload?: Uint8Array) =>
    server.app.inject({
      method,
      url: `/v1${path}`,
      headers: { authorization: `Bearer ${tokenOf(user)}`, ...(type !== undefined && { 'content-type': type }) },
      ...(payload !== undefined && { payload: Buffer.from(payload) }),
    });
  for (const id of ['w1', 'w2', 'w3']) await ask('owner', 'POST', '/workspaces', 'application/json', Buffer.from(JSON.stringify({ id })));
  await ask('owner', 'PUT', '/workspaces/w2/members/bob', 'application/json', Buffer.from('{"role":"admin"}'));
  const uuid = randomUUID().replaceAll('-', '');
  await ask('owner', 'PUT', `/workspaces/w1/files/var/${uuid}`, 'text/plain', Buffer.from('hello'));
  const calls = callsOf(uuid, (await ask('owner', 'GET', '/workspaces/w1/backup')).rawPayload);
  const answers: Record<string, number> = {};
  let done = 0;
  for (const { pick, change } of mutate ? mutations(78, count) : inTurns(count)) {
    const call = pick(calls);
    const { statusCode, body } = await ask('owner', call.method, call.path, call.type, change(call.body));
    if (!isTyped(call, statusCode, body)) throw new Error(`${call.method} ${call.path} answered ${statusCode}: ${body.slice(0, 300)}`);
    answers[statusCode] = (answers[statusCode] ?? 0) + 1;
    if (++done % 500 === 0 && (await ask('owner', 'GET', '/workspaces/w3/head')).statusCode !== 200)
      throw new Error('others are not served');
    await thrown();
  }
  return answers;
}
