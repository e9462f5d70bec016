import { createHash } from 'node:crypto';
import { parseUserId } from '@spacestore/core';
import { memoryBlobStore, memoryDirectory, memoryFileIndex, memoryOpStore, memorySecretStore } from '@spacestore/core/memory';
import type { InjectOptions, LightMyRequestResponse } from 'fastify';
import { afterEach } from 'vitest';
import { staticTokens } from '../../src/auth/static-tokens.ts';
import { createServer, type ServerOptions, type SpacestoreServer } from '../../src/create-server.ts';
import { serverLogger } from '../../src/http/logging.ts';

export const users = ['owner', 'admin', 'editor', 'viewer', 'backup', 'stranger', 'other'] as const;
export type User = (typeof users)[number];

export const tokenOf = (user: string): string => `token-of-${user}`;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
export const hashOf = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');

export interface Harness {
  readonly server: SpacestoreServer;
  readonly now: { value: number };
  readonly logs: string[];
  readonly call: (user: User | undefined, method: string, path: string, options?: CallOptions) => Promise<LightMyRequestResponse>;
}

export interface CallOptions {
  readonly json?: unknown;
  readonly body?: Buffer | string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string;
}

const running: SpacestoreServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

/** A server over memory stores; users have static tokens, time stands still, overload protection by event-loop delay is off. */
export async function startServer(overrides: Partial<ServerOptions> = {}): Promise<Harness> {
  const now = { value: 1_700_000_000_000 };
  const clock = { now: () => now.value };
  const logs: string[] = [];
  const server = await createServer({
    ops: memoryOpStore({ clock }),
    blobs: memoryBlobStore({ clock }),
    files: memoryFileIndex(),
    secrets: memorySecretStore(),
    directory: memoryDirectory({ clock }),
    auth: staticTokens(users.map((user) => ({ sha256: sha256(tokenOf(user)), identity: { user: parseUserId(user) } }))),
    clock,
    logger: serverLogger('trace', { write: (line: string) => void logs.push(line) }),
    ...overrides,
    limits: { eventLoopDelayMs: 0, ...overrides.limits },
  });
  running.push(server);
  return {
    server,
    now,
    logs,
    call: (user, method, path, { json, body, headers, token } = {}) => {
      const given = token ?? (user && tokenOf(user));
      return server.app.inject({
        method: method as NonNullable<InjectOptions['method']>,
        url: `/v1${path}`,
        headers: {
          ...(given && { authorization: `Bearer ${given}` }),
          ...(json !== undefined && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(json !== undefined ? { payload: JSON.stringify(json) } : body !== undefined ? { payload: body } : {}),
      });
    },
  };
}

/** A server with a workspace `w1` in which every role has its user. */
export async function withWorkspace(overrides: Partial<ServerOptions> = {}, codec = 'reptree-1'): Promise<Harness> {
  const harness = await startServer(overrides);
  await expectStatus(harness.call('owner', 'POST', '/workspaces', { json: { id: 'w1', name: 'First', codec } }), 201);
  for (const role of ['admin', 'editor', 'viewer', 'backup'])
    await expectStatus(harness.call('owner', 'PUT', `/workspaces/w1/members/${role}`, { json: { role } }), 200);
  return harness;
}

export async function expectStatus(reply: Promise<LightMyRequestResponse>, status: number): Promise<LightMyRequestResponse> {
  const response = await reply;
  if (response.statusCode !== status) throw new Error(`expected ${status}, got ${response.statusCode}: ${response.body.slice(0, 500)}`);
  return response;
}

export const move = (counter: number, target: string, parent: string | null = null, peer = 'p1', tree = 't1') => ({
  tree,
  peer,
  counter,
  op: ['m', target, parent],
});

export const property = (counter: number, key: string, value: unknown, peer = 'p1', tree = 't1') => ({
  tree,
  peer,
  counter,
  op: ['p', 'v1', key, value],
});
