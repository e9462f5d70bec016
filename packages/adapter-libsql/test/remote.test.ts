import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseBlobRoot, parseSecretName, parseUserId, parseWorkspaceId } from '@spacestore/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { hranaEngine } from '../src/hrana-engine.ts';
import { type LibsqlRemoteOptions, libsqlRemoteStores } from '../src/remote-stores.ts';
import { placeOn, sharedServer, startServer } from './hrana-server.ts';
import { failureOf, op, readAllPages, ws } from './kit.ts';

async function place(): Promise<{ readonly url: string; readonly adminUrl: string; readonly prefix: string }> {
  const { url, adminUrl, prefix } = placeOn(await sharedServer());
  return { url, adminUrl, prefix };
}

async function openRemote(options: LibsqlRemoteOptions) {
  const stores = await libsqlRemoteStores(options);
  onTestFinished(() => stores.close());
  return stores;
}

/** Passes requests on, unless told what to do with one. */
async function proxyTo(port: number, fate: (path: string, body: string) => 'pass' | 'lose the request' | 'lose the answer' | number) {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString();
    const verdict = fate(request.url ?? '', body);
    if (typeof verdict === 'number') return void response.writeHead(verdict).end('{}');
    if (verdict === 'lose the request') return void response.destroy();
    const answer = await fetch(`http://127.0.0.1:${port}${request.url}`, { method: request.method ?? 'GET', ...(body && { body }) });
    const text = await answer.text();
    if (verdict === 'lose the answer') return void response.destroy();
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(text);
  };
  const proxy = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const at = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return { url: `${at}/dev/{database}`, adminUrl: at };
}

describe('stores on a server', () => {
  test('keep what they are given, each workspace in a database of its own', async () => {
    const at = await place();
    const one = await openRemote(at);
    const other = parseWorkspaceId('other_one-2');
    await one.ops.append(ws, [op('a', 1), { ...op('b', 2 ** 53 - 1), body: Uint8Array.of(0, 255) }], { via: parseUserId('ann') });
    await one.ops.append(other, [op('a', 1, 'x\0y')]);
    await one.secrets.set(ws, parseSecretName('s'), Uint8Array.of(1, 2), { ifVersion: 0, writeId: 'x' });
    await one.directory.create({
      id: ws,
      name: 'W',
      owner: parseUserId('ann'),
      codec: 'opaque',
      blobRoot: parseBlobRoot('ann/w'),
      settings: { relay: true, app: {} },
    });
    const two = await openRemote(at);
    expect((await readAllPages(two.ops)).map(({ peer, counter, body }) => [peer, counter, Buffer.from(body).toString('hex')])).toEqual([
      ['a', 1, '6131'],
      ['b', 2 ** 53 - 1, '00ff'],
    ]);
    expect((await two.ops.workspaces({ limit: 9 })).items).toEqual([other, ws]);
    expect((await two.secrets.get(ws, parseSecretName('s')))?.value).toEqual(Uint8Array.of(1, 2));
    expect((await two.directory.get(ws))?.name).toBe('W');
    expect((await two.verifyWorkspace(ws))?.problems).toEqual([]);
    await two.ready();
  });

  test('remove a database with the last of what was in it, and the next one is another, for handles that knew the old one too', async () => {
    const at = await place();
    const [one, two] = [await openRemote(at), await openRemote(at)];
    await one.ops.append(ws, [op('a', 1, 'old')]);
    await two.ops.append(ws, [op('b', 1)]);
    await one.secrets.set(ws, parseSecretName('s'), Uint8Array.of(1), { ifVersion: 0, writeId: 'x' });
    await one.ops.drop(ws);
    expect(await two.ops.head(ws)).toBeUndefined();
    expect((await two.secrets.get(ws, parseSecretName('s')))?.version).toBe(1);
    await one.secrets.drop(ws);
    expect((await failureOf(two.ops.append(ws, [op('c', 1)], { ifEpoch: 0 }))).code).toBe('not_found');
    expect((await two.ops.append(ws, [op('a', 1, 'new')])).added).toBe(1);
    expect((await readAllPages(one.ops)).map(({ body }) => Buffer.from(body).toString())).toEqual(['new']);
  });

  test('end a removal that was cut off between its steps', async () => {
    const { port } = await sharedServer();
    const { prefix } = await place();
    let failing = false;
    const at = await proxyTo(port, (path) => (failing && path.startsWith('/v1/namespaces/') ? 503 : 'pass'));
    const one = await openRemote({ ...at, prefix });
    await one.ops.append(ws, [op('a', 1)]);
    failing = true;
    expect((await failureOf(one.ops.drop(ws))).code).toBe('unavailable');
    expect(await one.ops.head(ws)).toBeUndefined();
    failing = false;
    const engine = hranaEngine({ ...at, authToken: undefined, adminToken: undefined, timeoutMs: 5000 });
    const dropped = (): Promise<unknown> =>
      engine.transaction(`${prefix}-catalogue`, 'read', (execute) =>
        execute({ kind: 'rows', sql: 'SELECT count(*) FROM dropped', values: [] }),
      );
    expect(await dropped()).toEqual([[1]]);
    const two = await openRemote({ ...at, prefix });
    expect(await dropped()).toEqual([[0]]);
    expect((await two.ops.append(ws, [op('a', 1, 'new')])).added).toBe(1);
  });
});

test.each([
  ['FULL', 'power'],
  ['OFF', 'process'],
] as const)('a server that commits with synchronous = %s makes logs survive: %s', async (synchronous, durable) => {
  const server = await startServer('', synchronous);
  onTestFinished(() => server.stop());
  const { url, adminUrl, prefix } = placeOn(server);
  const { ops, secrets } = await openRemote({ url, adminUrl, prefix });
  expect([ops.capabilities.durable, secrets.capabilities.durable]).toEqual([durable, durable]);
});

describe('what goes wrong on the way', () => {
  test.each([
    ['the request', 'lose the request', 0],
    ['the answer', 'lose the answer', 1],
  ] as const)('a COMMIT of which %s is lost is unavailable, and making the call again heals it', async (_, how, committed) => {
    const { port } = await sharedServer();
    let failing = false;
    const at = await proxyTo(port, (_path, body) => (failing && body.includes('COMMIT') ? how : 'pass'));
    const { ops } = await openRemote({ ...at, prefix: (await place()).prefix });
    await ops.append(ws, [op('a', 1)]);
    failing = true;
    expect((await failureOf(ops.append(ws, [op('b', 1)]))).code).toBe('unavailable');
    failing = false;
    expect((await ops.append(ws, [op('b', 1)])).added).toBe(1 - committed);
    expect((await readAllPages(ops)).map(({ peer, position }) => `${position}${peer}`)).toEqual(['1a', '2b']);
  });

  test('a refused BEGIN lets nothing be written without it', async () => {
    const { port } = await sharedServer();
    const engine = hranaEngine({ ...(await proxyTo(port, () => 'pass')), authToken: undefined, adminToken: undefined, timeoutMs: 15_000 });
    const { prefix } = await place();
    await engine.create(`${prefix}-x`);
    await engine.script(`${prefix}-x`, 'CREATE TABLE t (a)');
    let isRefused = false;
    const held = engine.transaction(`${prefix}-x`, 'write', async (execute) => {
      await execute({ kind: 'run', sql: 'INSERT INTO t VALUES (1)', values: [] });
      // A server ends the transaction of a client that falls silent.
      while (!isRefused) await execute({ kind: 'rows', sql: 'SELECT a FROM t', values: [] });
    });
    const second = await failureOf(
      engine.transaction(`${prefix}-x`, 'write', (execute) => execute({ kind: 'run', sql: 'INSERT INTO t VALUES (2)', values: [] })),
    );
    expect(second.code).toBe('busy');
    isRefused = true;
    await held;
    const found = await engine.transaction(`${prefix}-x`, 'read', (execute) =>
      execute({ kind: 'rows', sql: 'SELECT a FROM t', values: [] }),
    );
    expect(found).toEqual([[1]]);
  });

  test.each([
    [401, 'denied'],
    [429, 'busy'],
    [500, 'unavailable'],
    [503, 'unavailable'],
  ])('an answer of %i is %s, never an empty log', async (status, code) => {
    const { port } = await sharedServer();
    let failing = false;
    const at = await proxyTo(port, () => (failing ? status : 'pass'));
    const { ops, secrets, ready } = await openRemote({ ...at, prefix: (await place()).prefix });
    await ops.append(ws, [op('a', 1)]);
    failing = true;
    for (const work of [
      () => ops.read(ws, { limit: 1 }),
      () => ops.append(ws, [op('b', 1)]),
      () => secrets.getAll(ws),
      () => ops.head(parseWorkspaceId('unknown')),
      ready,
    ])
      expect((await failureOf(work())).code).toBe(code);
    failing = false;
    expect((await readAllPages(ops)).length).toBe(1);
  });

  test('a server that is killed is unavailable', async () => {
    const server = await startServer();
    const { url, adminUrl, prefix } = placeOn(server);
    const { ops } = await openRemote({ url, adminUrl, prefix });
    await ops.append(ws, [op('a', 1)]);
    server.stop();
    expect((await failureOf(ops.read(ws, { limit: 1 }))).code).toBe('unavailable');
    expect((await failureOf(ops.append(ws, [op('b', 1)]))).code).toBe('unavailable');
  });

  test('a token is shown to both sides of the server, and another is denied', async () => {
    const server = await startServer('sesame');
    onTestFinished(() => server.stop());
    const { url, adminUrl, prefix } = placeOn(server);
    const { ops } = await openRemote({ url, adminUrl, prefix, authToken: 'sesame', adminToken: 'sesame' });
    expect((await ops.append(ws, [op('a', 1)])).added).toBe(1);
    for (const tokens of [{ authToken: 'x', adminToken: 'sesame' }, { authToken: 'sesame', adminToken: 'x' }, {}])
      expect((await failureOf(libsqlRemoteStores({ url, adminUrl, prefix: `${prefix}x`, ...tokens }))).code).toBe('denied');
  });

  test('an address without a place for the name is refused', async () => {
    for (const url of ['http://x.example', 'ws://{database}.example', '/{database}'])
      expect((await failureOf(libsqlRemoteStores({ url, adminUrl: 'http://x.example' }))).code).toBe('invalid');
    expect((await failureOf(libsqlRemoteStores({ url: 'http://{database}.x', adminUrl: 'http://x', prefix: 'a/b' }))).code).toBe('invalid');
  });
});
