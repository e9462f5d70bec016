// Ceph's S3 gateway on this machine, for tests: one monitor, one OSD in memory, one gateway; free ports, a temporary folder, no container.
// usage: node scripts/ceph-gateway.mjs            prints one line of JSON when it is ready, and runs until it is told to end (SIGTERM, SIGINT)
//        node scripts/ceph-gateway.mjs --shared   tells the line to everybody who connects to `sharedAddress` too, and ends by itself when the last of them
//                                                 has been gone for a while (--keep: never). Of several that are started one stays.
// Needs Debian's radosgw, ceph-mon, ceph-osd and ceph-common. Runs on any Node >= 20.11 without an installation.
import { execFile, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const shared = process.argv.includes('--shared');
const sharedAddress = `\0spacestore-ceph-${process.getuid()}`; // of Linux's abstract kind: it goes with its process
const idleMs = process.argv.includes('--keep') ? undefined : 10_000;

const users = new Set();
let state; // the line, once there is one
let idle;
let ending;
const daemons = [];
const dir = mkdtempSync(join(tmpdir(), 'spacestore-ceph-'));

process.on('SIGTERM', () => end(0));
process.on('SIGINT', () => end(0));
const door = shared ? await openDoor() : undefined;
try {
  state = `${JSON.stringify(await start())}\n`;
  for (const user of users) user.write(state);
  process.stdout.write(state);
} catch (error) {
  state = `${JSON.stringify({ error: String(error.stderr ?? error.message ?? error).slice(-2000) })}\n`;
  for (const user of users) user.end(state);
  process.stderr.write(state);
  process.exitCode = await end(1);
}

/** Waits for users. Whoever finds the address taken is not needed. */
async function openDoor() {
  const server = createServer((socket) => {
    users.add(socket);
    clearTimeout(idle);
    if (state) socket.write(state);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      users.delete(socket);
      if (users.size === 0) waitIdle();
    });
  });
  await new Promise((resolve, reject) => {
    server.once('error', (error) => {
      if (error.code === 'EADDRINUSE') void end(0);
      else reject(error instanceof Error ? error : new Error(String(error)));
    });
    server.listen(sharedAddress, resolve);
  });
  waitIdle();
  return server;
}

function waitIdle() {
  clearTimeout(idle);
  if (idleMs !== undefined) idle = setTimeout(() => end(0), idleMs);
}

/** Ends what was started here, newest first, and removes its folder. */
function end(code) {
  ending ??= (async () => {
    door?.close(); // from here on nobody new comes in
    for (const { child, gone } of daemons.reverse()) {
      child.kill('SIGKILL'); // there is nothing to keep
      await gone;
    }
    rmSync(dir, { recursive: true, force: true });
    process.exit(code);
  })();
  return ending;
}

function daemon(name, args) {
  const child = spawn(name, ['-f', ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (data) => {
    errors = (errors + data).slice(-2000);
  });
  const gone = new Promise((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('close', () => resolve(errors));
  });
  daemons.push({ child, gone });
  void gone.then((why) => {
    if (ending) return;
    process.stderr.write(`${name} ended: ${why}\n`);
    void end(1);
  });
}

async function freePorts(count) {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise((resolve) => {
          const server = createServer().listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function start() {
  const [v2, v1, port] = await freePorts(3);
  const [fsid, osd] = [randomUUID(), randomUUID()];
  const conf = join(dir, 'ceph.conf');
  const mon = `[v2:127.0.0.1:${v2},v1:127.0.0.1:${v1}]`;
  for (const part of ['mon', 'osd/ceph-0', 'rgw', 'run', 'log']) mkdirSync(join(dir, part), { recursive: true });
  writeFileSync(conf, configuration({ fsid, mon }));
  const at = (...args) => [...args, '-c', conf];
  const monmap = join(dir, 'monmap');
  await run('monmaptool', ['--create', '--fsid', fsid, '--addv', 'a', mon, monmap]);
  await run('ceph-mon', at('--mkfs', '-i', 'a', '--monmap', monmap));
  daemon('ceph-mon', at('-i', 'a'));
  await run('ceph', at('osd', 'new', osd, '0'), { timeout: 60_000 });
  await run('ceph-osd', at('-i', '0', '--mkfs', '--osd-uuid', osd));
  daemon('ceph-osd', at('-i', '0'));
  const keys = {};
  for (const uid of ['owner', 'least']) {
    const key = { accessKeyId: `AKID${uid.toUpperCase()}`, secretAccessKey: randomBytes(18).toString('base64url') };
    await run(
      'radosgw-admin',
      at(
        'user',
        'create',
        `--uid=${uid}`,
        `--display-name=${uid}`,
        `--access-key=${key.accessKeyId}`,
        `--secret-key=${key.secretAccessKey}`,
      ),
      {
        timeout: 120_000,
      },
    );
    keys[uid] = key;
  }
  daemon('radosgw', at('-n', 'client.admin', '--rgw-frontends', `beast endpoint=127.0.0.1:${port} tcp_nodelay=1`));
  const endpoint = `http://127.0.0.1:${port}`;
  for (const until = Date.now() + 120_000; ; await sleep(100)) {
    const answered = await fetch(endpoint).then(
      (reply) => reply.status < 500,
      () => false,
    );
    if (answered) return { endpoint, credentials: keys.owner, least: keys.least };
    if (Date.now() > until) throw new Error('the gateway does not answer');
  }
}

function configuration({ fsid, mon }) {
  return `[global]
fsid = ${fsid}
mon host = ${mon}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv4 = true
ms mon client mode = crc
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd crush chooseleaf type = 0
osd objectstore = memstore
osd max object name len = 256
osd max object namespace len = 64
memstore device bytes = 17179869184
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail warn = 1
mon data avail crit = 1
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = testkey-1=${Buffer.from('thirty-two bytes for tests alone').toString('base64')}
rgw lc debug interval = -1
rgw data = ${dir}/rgw
run dir = ${dir}/run
admin socket = ${dir}/run/$name.asok
log file = ${dir}/log/$name.log
mon data = ${dir}/mon/ceph-a
osd data = ${dir}/osd/ceph-0
`;
}
