import { execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parseUserId, systemClock } from '@spacestore/core';
import { expect, it } from 'vitest';
import { issueToken } from '../src/auth/issue-token.ts';
import { keyFile } from '../src/keys/key-file.ts';

const root = new URL('../../../', import.meta.url);
const example = (name: string): readonly string[] => [
  '--conditions=@spacestore/source',
  fileURLToPath(new URL(`examples/${name}.ts`, root)),
];

it.each([
  ['client', 'sync'],
  ['server-fastify', 'serve'],
])('the README of %s has the example %s as it is', async (name, file) => {
  const readme = await readFile(new URL(`packages/${name}/README.md`, root), 'utf8');
  expect(readme).toContain(`\`\`\`ts\n${await readFile(new URL(`examples/${file}.ts`, root), 'utf8')}\`\`\``);
});

it('the example of a client saves what it appends at the example of a server', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'spacestore-examples-'));
  const server = spawn(process.execPath, [...example('serve'), join(dir, 'server'), '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<number | null>((resolve) => server.once('exit', resolve));
  try {
    const url = await new Promise<string>((resolve, reject) => {
      server.stdout.once('data', (text: Buffer) => resolve(text.toString().trim()));
      server.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
    });
    const secret = await keyFile(join(dir, 'server', 'token.key'));
    const names = { issuer: 'my-app', audience: 'spacestore', user: parseUserId('ann') };
    const token = await issueToken({ ...names, secret, expiresInSeconds: 60, clock: systemClock });
    const made = await fetch(`${url}/v1/workspaces`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"id":"notes"}',
    });
    expect(made.status).toBe(201);
    const { stdout } = await promisify(execFile)(process.execPath, [...example('sync'), url, token, join(dir, 'client')]);
    expect(stdout).toBe('all saved\n');
  } finally {
    server.kill('SIGTERM');
    expect(await ended).toBe(0);
    await rm(dir, { recursive: true, force: true });
  }
});
