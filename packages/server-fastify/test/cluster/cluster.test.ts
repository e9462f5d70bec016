import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseUserId, systemClock } from '@spacestore/core';
import { expect, onTestFinished, test } from 'vitest';
import { openLossyChannel } from '../../../adapter-postgres/test/support/lossy-channel.ts';
import { asAdmin, newDatabase } from '../../../adapter-postgres/test/support/server.ts';
import { issueToken } from '../../src/auth/issue-token.ts';
import { connectWire, enter, hello, ops, record } from '../sync/wire-client.ts';
import { openBalancer } from './balancer.ts';
import { openDevice, seeded, shared } from './device.ts';
import { type ServerProcess, startProcess } from './server-process.ts';

const secret = '0123456789abcdef0123456789abcdef';
const devices = 12;
/** Records that each device writes in each act. */
const perAct = 40;

const tokenOf = (user: string): Promise<string> =>
  issueToken({ secret, issuer: 'spacestore', audience: 'spacestore', user: parseUserId(user), expiresInSeconds: 3600, clock: systemClock });

/** Looks again and again: what it waits for is bound to come. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Three servers on one database, their notifications through channels that lose what they are told to lose. */
async function openCluster() {
  const url = await newDatabase(onTestFinished);
  const dir = await mkdtemp(join(tmpdir(), 'spacestore-cluster-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const loss = { share: 0 };
  const channels = await Promise.all(
    [1, 2, 3].map(async (seed) => {
      const random = seeded(seed);
      const channel = await openLossyChannel(url, () => random() < loss.share);
      onTestFinished(channel.close);
      return channel;
    }),
  );
  const servers = await Promise.all(
    channels.map((channel, n) =>
      startProcess(
        join(dir, `server-${n}`),
        {
          log: { level: 'silent' },
          auth: { secret },
          seal: { keys: '0123456789abcdef'.repeat(4) },
          limits: { eventLoopDelayMs: 0 },
          stores: [
            // A frozen server may hold a log locked for as long as a statement may take.
            { use: '@spacestore/adapter-postgres', options: { url, listenUrl: channel.url, statementTimeoutMs: 4000 } },
            { use: '@spacestore/blob-fs' },
          ],
        },
        onTestFinished,
      ),
    ),
  );
  const balancer = await openBalancer();
  onTestFinished(balancer.close);
  for (const { port } of servers) balancer.give(port);
  return {
    url,
    loss,
    channels,
    balancer,
    servers: servers as [ServerProcess, ServerProcess, ServerProcess],
    killListeners: () =>
      asAdmin(url, async (client) => {
        const pids = channels.flatMap((channel) => channel.backends());
        const { rows } = await client.query('SELECT pg_terminate_backend(pid) AS killed FROM unnest($1::int[]) AS pid', [pids]);
        return rows.filter(({ killed }) => killed === true).length;
      }),
  };
}

test('three servers and twelve clients end with the same, whatever is killed, frozen or lost', { timeout: 240_000 }, async () => {
  const { servers, balancer, channels, loss, killListeners } = await openCluster();
  const [first, second, third] = servers;
  const owner = await tokenOf('owner');
  const ask = async (server: ServerProcess, method: string, path: string, body?: object): Promise<Response> => {
    const headers = { authorization: `Bearer ${owner}`, ...(body && { 'content-type': 'application/json' }) };
    const answer = await fetch(`${server.address}/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  };
  await ask(first, 'POST', '/workspaces', { id: shared, codec: 'opaque' });
  const names = Array.from({ length: devices }, (_, n) => `device-${n}`);
  for (const name of [...names, 'eve', 'mallory']) await ask(second, 'PUT', `/workspaces/${shared}/members/${name}`, { role: 'editor' });

  const all = await Promise.all(names.map(async (name, n) => openDevice(balancer.url, await tokenOf(name), name, seeded(100 + n))));
  onTestFinished(async () => void (await Promise.all(all.map((device) => device.close()))));
  let written = 0;
  const write = async (): Promise<void> => {
    written += devices * perAct;
    await Promise.all(all.map((device) => device.write(perAct)));
  };
  const everybodyHasAll = async (): Promise<void> => {
    await Promise.all(all.map((device) => device.flush()));
    await Promise.all(all.map((device) => device.has(written)));
  };
  const wired = async (server: ServerProcess, user: string) => {
    const client = await connectWire(`${server.address.replace('http', 'ws')}/v1/sync`);
    client.send(hello(await tokenOf(user)));
    await client.expect('welcome');
    return { ...client, ...(await enter(client, shared)) };
  };

  const each = (metric: string): Promise<number[]> => Promise.all(servers.map((server) => server.metric(metric)));
  const connections = (): Promise<number[]> => each('spacestore_hints_connections_total');

  // All goes well.
  await until(async () => (await each('spacestore_hints_listening')).every((value) => value === 1));
  await write();
  await everybodyHasAll();

  // Notifications get lost, then the connections that listen are killed: what was missed is read again.
  loss.share = 0.5;
  await write();
  const begun = await connections();
  const writing = write();
  expect(await killListeners()).toBe(3);
  await writing;
  await everybodyHasAll();
  await until(async () => (await connections()).every((count, n) => count > (begun[n] ?? 0)));

  // None comes through: only the poll finds what others commit, and a member who was removed elsewhere is sent away.
  loss.share = 1;
  const eve = await wired(second, 'eve');
  await write();
  await ask(first, 'DELETE', `/workspaces/${shared}/members/eve`);
  expect(await eve.until('left')).toMatchObject({ ws: eve.ws, code: 'not_found' });
  await everybodyHasAll();
  expect((await each('spacestore_sync_found_by_poll_total')).reduce((sum, count) => sum + count)).toBeGreaterThan(0);
  expect(channels.every((channel) => channel.counts().lost > 0)).toBe(true);
  loss.share = 0.2;

  // One server freezes with work in its hands; a member is removed meanwhile, and what they then hand in must never be taken.
  const mallory = await wired(third, 'mallory');
  const frozen = write();
  third.freeze();
  balancer.take(third.port);
  await ask(first, 'DELETE', `/workspaces/${shared}/members/mallory`);
  mallory.send(ops(mallory.ws, 1, record(1, { peer: 'mallory' })));
  await frozen;
  await everybodyHasAll();
  third.thaw();
  for (;;) {
    const answer = await mallory.take();
    expect(answer.kind).not.toBe('ack');
    if (answer.kind === 'left' || answer.kind === 'nack') break;
  }
  balancer.give(third.port);
  for (const device of all.slice(0, 6)) await device.close(); // their places are taken by others, on all three servers
  const others = await Promise.all(
    names.slice(0, 6).map(async (name, n) => openDevice(balancer.url, await tokenOf(name), `${name}-again`, seeded(200 + n))),
  );
  all.splice(0, 6, ...others);
  await everybodyHasAll();

  // It freezes again, and never wakes.
  const stored = await first.metric('spacestore_appended_records_total');
  const last = write();
  third.freeze();
  await until(async () => (await first.metric('spacestore_appended_records_total')) > stored);
  await third.kill();
  balancer.take(third.port);
  await last;
  await everybodyHasAll();

  const cold = openDevice(balancer.url, owner, 'cold', seeded(300));
  await cold.has(written);
  const log = new Map(cold.records);
  await cold.close();
  expect([...log.keys()].filter((id) => id.includes('mallory') || id.includes('eve'))).toEqual([]);
  for (const device of all) {
    expect(device.refused()).toBe(0);
    expect(device.records.size).toBe(written);
    expect(new Map(device.records)).toEqual(log);
  }
  expect(await first.stop()).toBe(0);
  expect(await second.stop()).toBe(0);
});
