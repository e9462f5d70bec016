#!/usr/bin/env node
// What several servers on one PostgreSQL do, measured: how soon one hears of another, and what they take in together. Figures of docs/operating.md.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseUserId, systemClock } from '@spacestore/core';
import { startEmbedded } from '../../../adapter-postgres/test/support/embedded.ts';
import { addressOf, asAdmin } from '../../../adapter-postgres/test/support/server.ts';
import { issueToken } from '../../src/auth/issue-token.ts';
import { connectWire, enter, hello, ops, record } from '../sync/wire-client.ts';
import { openDevice, seeded, shared } from './device.ts';
import { type ServerProcess, startProcess } from './server-process.ts';

const secret = '0123456789abcdef0123456789abcdef';
const rounds = 200;
const removals = 40;
const clients = 12;
const perClient = 1000;
const ends: (() => Promise<void>)[] = [];
const note = (text: string): void => void process.stdout.write(`${text}\n`);

const tokenOf = (user: string): Promise<string> =>
  issueToken({ secret, issuer: 'spacestore', audience: 'spacestore', user: parseUserId(user), expiresInSeconds: 3600, clock: systemClock });

async function openServers(dir: string, count: number): Promise<ServerProcess[]> {
  const folder = randomUUID();
  const name = `s${folder.replaceAll('-', '')}`;
  await asAdmin(postgres.url, async (client) => {
    await client.query(`CREATE ROLE ${name} LOGIN PASSWORD 'password'`);
    await client.query(`CREATE DATABASE ${name} OWNER ${name}`);
  });
  const url = addressOf(postgres.url, name, name, 'password');
  return Promise.all(
    Array.from({ length: count }, (_, n) =>
      startProcess(
        `${dir}/${folder}-${n}`,
        {
          log: { level: 'silent' },
          auth: { secret },
          seal: { keys: '0123456789abcdef'.repeat(4) },
          limits: { eventLoopDelayMs: 0 },
          stores: [{ use: '@spacestore/adapter-postgres', options: { url } }, { use: '@spacestore/blob-fs' }],
        },
        (end) => void ends.push(end),
      ),
    ),
  );
}

async function ask(server: ServerProcess, method: string, path: string, body?: object): Promise<void> {
  const headers = { authorization: `Bearer ${await tokenOf('owner')}`, ...(body && { 'content-type': 'application/json' }) };
  const answer = await fetch(`${server.address}/v1${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  if (!answer.ok) throw new Error(await answer.text());
}

async function wired(server: ServerProcess, user: string) {
  const client = await connectWire(`${server.address.replace('http', 'ws')}/v1/sync`);
  client.send(hello(await tokenOf(user)));
  await client.expect('welcome');
  return { ...client, ...(await enter(client, shared)) };
}

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number).toFixed(1);
  return `p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms`;
}

/** From handing in a record to its reader, on the same server and on another, turn about; and from the answer of a removal to the socket elsewhere. */
async function delays(dir: string): Promise<void> {
  const [near, far] = (await openServers(dir, 2)) as [ServerProcess, ServerProcess];
  await ask(near, 'POST', '/workspaces', { id: shared, codec: 'opaque' });
  const [writer, beside, elsewhere] = [await wired(near, 'owner'), await wired(near, 'owner'), await wired(far, 'owner')];
  const same: number[] = [];
  const other: number[] = [];
  for (let batch = 1; batch <= rounds; batch++) {
    const start = performance.now();
    writer.send(ops(writer.ws, batch, record(batch)));
    await Promise.all([
      beside.until('ops-down').then(() => same.push(performance.now() - start)),
      elsewhere.until('ops-down').then(() => other.push(performance.now() - start)),
      writer.until('ack'),
    ]);
  }
  note(`reader on the same server   ${spread(same)}`);
  note(`reader on another server    ${spread(other)}`);
  const left: number[] = [];
  for (let round = 0; round < removals; round++) {
    await ask(near, 'PUT', `/workspaces/${shared}/members/eve`, { role: 'editor' });
    const eve = await wired(far, 'eve');
    await ask(near, 'DELETE', `/workspaces/${shared}/members/eve`);
    const start = performance.now();
    await eve.until('left');
    left.push(performance.now() - start);
    eve.socket.terminate();
  }
  note(`removed member out elsewhere ${spread(left)} after the answer`);
  note(`found by poll alone          ${await far.metric('spacestore_sync_found_by_poll_total')}`);
}

/** Records a second until everybody has all of them, of one workspace. */
async function together(dir: string, count: number): Promise<void> {
  const servers = await openServers(dir, count);
  await ask(servers[0] as ServerProcess, 'POST', '/workspaces', { id: shared, codec: 'opaque' });
  const token = await tokenOf('owner');
  const devices = Array.from({ length: clients }, (_, n) =>
    openDevice((servers[n % count] as ServerProcess).address, token, `d${n}`, seeded(n)),
  );
  await Promise.all(devices.map((device) => device.write(1)));
  await Promise.all(devices.map((device) => device.has(clients)));
  const start = performance.now();
  await Promise.all(devices.map((device) => device.write(perClient)));
  await Promise.all(devices.map((device) => device.has(clients * (perClient + 1))));
  const seconds = (performance.now() - start) / 1000;
  note(`${count} server(s): ${Math.round((clients * perClient) / seconds)} records/s from ${clients} clients to ${clients} clients`);
  await Promise.all(devices.map((device) => device.close()));
  await Promise.all(servers.map((server) => server.stop()));
}

const postgres = await startEmbedded({ under: tmpdir() });
const dir = await mkdtemp(join(tmpdir(), 'spacestore-cluster-'));
try {
  await delays(dir);
  for (const count of [1, 3, 1, 3, 1, 3]) await together(dir, count);
} finally {
  for (const end of ends) await end();
  await postgres.remove();
  await rm(dir, { recursive: true, force: true });
}
process.exit(0);
