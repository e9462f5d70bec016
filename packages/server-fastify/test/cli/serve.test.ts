import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
let data: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'spacestore-serve-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await rm(data, { recursive: true, force: true });
});

function run(...args: readonly string[]): ChildProcess {
  const child = spawn(process.execPath, ['--conditions=@spacestore/source', main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  return child;
}

async function start(): Promise<{ child: ChildProcess; address: string; token: string }> {
  const child = run('serve', '--port', '0', '--data', data, '--json');
  const lines = createInterface({ input: child.stdout as NonNullable<typeof child.stdout> });
  const ended = outcome(child);
  const line = await Promise.race([
    once(lines, 'line').then(([text]) => text as string),
    ended.then(({ err }) => Promise.reject(new Error(err))),
  ]);
  return { child, ...(JSON.parse(line) as { address: string; token: string }) };
}

async function outcome(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  let out = '';
  let err = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

it('keeps what it acknowledged through a stop and a kill, and ends cleanly on SIGTERM', async () => {
  const first = await start();
  const headers = { authorization: `Bearer ${first.token}`, 'content-type': 'application/json' };
  const post = (path: string, body: object, address: string) =>
    fetch(`${address}/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
  const record = (counter: number) => ({ records: [{ tree: 't', peer: 'p', counter, op: ['m', `v${counter}`, null] }] });
  expect((await post('/workspaces', { id: 'w1' }, first.address)).status).toBe(201);
  expect((await post('/workspaces/w1/operations', record(1), first.address)).status).toBe(200);
  const rival = await outcome(run('serve', '--port', '0', '--data', data));
  expect(rival.code).not.toBe(0);
  expect(rival.err).toContain('another process holds this folder');
  const ended = outcome(first.child);
  first.child.kill('SIGTERM');
  expect((await ended).code).toBe(0);

  const second = await start();
  expect((await post('/workspaces/w1/operations', record(2), second.address)).status).toBe(200); // the token is still good: the key stayed
  second.child.kill('SIGKILL');
  await once(second.child, 'close');

  const third = await start();
  const read = await fetch(`${third.address}/v1/workspaces/w1/operations`, { headers });
  expect(await read.json()).toMatchObject({ records: [{ counter: 1 }, { counter: 2 }] });
  third.child.kill('SIGTERM');
  await once(third.child, 'close');
  for (const name of await readdir(data, { recursive: true })) {
    const { mode } = await stat(join(data, name));
    expect([name, mode & 0o077]).toEqual([name, 0]);
  }
});

it('refuses to start in the clear beyond this machine, and says what to do', async () => {
  const { code, err } = await outcome(run('serve', '--host', '0.0.0.0', '--port', '0', '--data', data));
  expect(code).not.toBe(0);
  expect(err).toContain('--insecure');
});

it('says what to do about a port that is taken', async () => {
  const { child, address } = await start();
  const { port } = new URL(address);
  const other = join(data, 'other');
  const { code, out, err } = await outcome(run('serve', '--port', port, '--data', other));
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(`port ${port} of 127.0.0.1 is taken by another program: choose one with --port`);
  child.kill('SIGTERM');
  await once(child, 'close');
});

it('makes tokens that its server accepts', async () => {
  const made = await outcome(run('token', '--user', 'ada', '--data', data, '--json', '--expires', '1h', '--role', 'viewer'));
  expect(made.code).toBe(0);
  const { token } = JSON.parse(made.out) as { token: string };
  const server = await start();
  const reply = await fetch(`${server.address}/v1/workspaces`, { headers: { authorization: `Bearer ${token}` } });
  expect(reply.status).toBe(200);
  server.child.kill('SIGTERM');
  await once(server.child, 'close');
});
