import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { op, openStores, ws } from './kit.ts';
import { type Embedded, startEmbedded } from './support/embedded.ts';
import { addressOf, asAdmin } from './support/server.ts';
import { canTrace, traceServer } from './support/trace.ts';

const canAudit = canTrace && spawnSync('eatmydata', ['true'], { stdio: 'ignore' }).status === 0;

/** A server on the disk, whose calls that force its log to disk are written down. */
async function tracedServer(): Promise<{ readonly server: Embedded; readonly walSyncs: () => number }> {
  const dir = mkdtempSync(join(tmpdir(), 'spacestore-trace-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const server = await startEmbedded({ under: tmpdir() });
  onTestFinished(() => server.remove());
  await asAdmin(server.url, async (client) => {
    await client.query("CREATE ROLE app LOGIN PASSWORD 'password'");
    await client.query('CREATE DATABASE app OWNER app');
  });
  const trace = join(dir, 'trace');
  onTestFinished(await traceServer(server.dataDir, ['-y', '-e', 'trace=fsync,fdatasync', '-o', trace]));
  return {
    server,
    // A call is written down before its process goes on, so what an acknowledgement waited for is there when it arrives.
    walSyncs: () =>
      readFileSync(trace, 'utf8')
        .split('\n')
        .filter((line) => /pg_wal\/.*\)\s+= 0$|resumed>\)\s+= 0$/.test(line)).length,
  };
}

/** Appends one after the other; how many were acknowledged before anything was forced to disk for them. */
async function unforced(): Promise<{ readonly acknowledged: number; readonly before: number }> {
  const { server, walSyncs } = await tracedServer();
  const { ops } = openStores(addressOf(server.url, 'app', 'app', 'password'));
  await ops.append(ws, [op('a', 0)]);
  let before = 0;
  const acknowledged = 20;
  for (let i = 1; i <= acknowledged; i++) {
    const synced = walSyncs();
    await ops.append(ws, [op('a', i)]);
    if (walSyncs() === synced) before++;
  }
  return { acknowledged, before };
}

test.skipIf(!canAudit)('an append is acknowledged only when the server has forced its log to disk', async () => {
  expect(await unforced()).toEqual({ acknowledged: 20, before: 0 });
});

test.skipIf(!canAudit)('with a server whose calls to force are swallowed the same audit objects', async () => {
  const { stdout } = spawnSync('eatmydata', ['env'], { encoding: 'utf8' });
  const preload = /^LD_PRELOAD=(.*)$/m.exec(stdout)?.[1];
  expect(preload).toContain('eatmydata');
  const present = process.env.LD_PRELOAD;
  process.env.LD_PRELOAD = preload;
  onTestFinished(() => {
    if (present === undefined) delete process.env.LD_PRELOAD;
    else process.env.LD_PRELOAD = present;
  });
  expect(await unforced()).toEqual({ acknowledged: 20, before: 20 });
});
