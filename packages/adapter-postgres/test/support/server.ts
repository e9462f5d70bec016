import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';

/** Where the test run's server can be asked for: set by `global-setup.ts`, so that all test files share one. */
export const starterVariable = 'SPACESTORE_TEST_POSTGRES_STARTER';

let started: Promise<string> | undefined;

/** The address of a superuser of the server that this run shares: the one of SPACESTORE_TEST_POSTGRES_URL, or one that is started now and ends with the run. */
export function sharedServer(): Promise<string> {
  started ??= findServer();
  return started;
}

async function findServer(): Promise<string> {
  const { SPACESTORE_TEST_POSTGRES_URL: given, [starterVariable]: starter } = process.env;
  if (given) return given;
  if (!starter) return startServer();
  const answer = await fetch(starter);
  if (!answer.ok) throw new Error(await answer.text());
  return answer.text();
}

/** Starts a server that ends when this process does. */
export async function startServer(): Promise<string> {
  const script = fileURLToPath(new URL('./server.child.ts', import.meta.url));
  const child = spawn(process.execPath, ['--conditions=@spacestore/source', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const [line] = await Promise.race([
    createInterface({ input: child.stdout })
      [Symbol.asyncIterator]()
      .next()
      .then(({ value }) => [value as string | undefined]),
    new Promise<never>((_, reject) => child.once('error', reject)),
  ]);
  if (line === undefined) throw new Error('PostgreSQL did not start');
  for (const held of [child, child.stdin, child.stdout]) (held as unknown as { unref: () => void }).unref();
  return line;
}

/** Runs statements as a superuser, in the database of an address. */
export async function asAdmin<Result>(url: string, work: (client: Client) => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const role = 'spacestore_test';
let databases = 0;

/** A new, empty database and the address of its owner, an ordinary user. `after` is told how to remove it. */
export async function newDatabase(after: (undo: () => Promise<void>) => void): Promise<string> {
  const admin = await sharedServer();
  const name = `test_${process.pid}_${Date.now().toString(36)}_${++databases}`;
  await asAdmin(admin, async (client) => {
    await client.query(`SELECT pg_advisory_lock(1)`); // two test files may be first at the same time
    await client.query(
      `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '${role}') THEN CREATE ROLE ${role} LOGIN PASSWORD 'password'; END IF; END $$`,
    );
    await client.query('SELECT pg_advisory_unlock(1)');
    await client.query(`CREATE DATABASE ${name} OWNER ${role}`);
  });
  after(() => asAdmin(admin, async (client) => void (await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))));
  return addressOf(admin, name, role, 'password');
}

/** The address of another database or user of the same server. */
export function addressOf(url: string, database: string, user: string, password: string): string {
  return url.replace(/^(postgres(?:ql)?:\/\/)(?:[^@/]*@)?([^/]*)\/[^?]*/, `$1${user}:${password}@$2/${database}`);
}
