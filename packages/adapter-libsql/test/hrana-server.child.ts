/** A libSQL server as far as stores need one: Hrana 2 over HTTP and the admin interface for namespaces, on real SQLite files in a folder, one a namespace. Each
 *  stream has a connection of its own. It prints its port, and ends when its input does. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';

const [token = '', synchronous = 'OFF'] = process.argv.slice(2);
const dir = mkdtempSync(join(tmpdir(), 'spacestore-hrana-'));
/** As libSQL's server has them. */
const writerWaitMs = 5000;
/** A transaction whose client says nothing for so long is ended for the sake of another writer: the client may have been killed. */
const silentMs = 2000;
const streamIdleMs = 10_000;

type Value = { readonly type: string; readonly value?: unknown; readonly base64?: string };
type Statement = { readonly sql: string; readonly args?: readonly Value[]; readonly want_rows?: boolean };
type Request =
  | { readonly type: 'execute'; readonly stmt: Statement }
  | { readonly type: 'sequence'; readonly sql: string }
  | { readonly type: 'close' };
interface Stream {
  readonly database: Database.Database;
  readonly namespace: string;
  idle: NodeJS.Timeout | undefined;
  silentSince: number;
}

const streams = new Map<string, Stream>();
const fileOf = (namespace: string): string => join(dir, `${namespace}.db`);

function open(namespace: string): Stream {
  const database = new Database(fileOf(namespace), { fileMustExist: true, timeout: 0 });
  database.pragma(`synchronous = ${synchronous}`);
  return { database, namespace, idle: undefined, silentSince: Date.now() };
}

function bound({ type, value, base64 }: Value): unknown {
  if (type === 'null') return null;
  if (type === 'integer') return BigInt(value as string);
  return type === 'blob' ? Buffer.from(base64 as string, 'base64') : value;
}

function told(value: unknown): Value {
  if (value === null) return { type: 'null' };
  if (typeof value === 'bigint') return { type: 'integer', value: value.toString() };
  if (typeof value === 'number') return { type: 'float', value };
  return typeof value === 'string' ? { type: 'text', value } : { type: 'blob', base64: (value as Buffer).toString('base64') };
}

function execute(database: Database.Database, { sql, args = [] }: Statement): object {
  const statement = database.prepare(sql);
  const values = args.map(bound);
  const info = { affected_row_count: 0, last_insert_rowid: null as string | null, cols: [] as object[], rows: [] as Value[][] };
  if (!statement.reader) {
    const { changes, lastInsertRowid } = statement.run(...values);
    return { ...info, affected_row_count: changes, last_insert_rowid: lastInsertRowid.toString() };
  }
  const rows = statement
    .raw(true)
    .safeIntegers(true)
    .all(...values) as unknown[][];
  return { ...info, cols: statement.columns().map(({ name }) => ({ name })), rows: rows.map((row) => row.map(told)) };
}

function end(baton: string, stream: Stream): void {
  streams.delete(baton);
  clearTimeout(stream.idle);
  stream.database.close();
}

/** Waits for another stream's writer without blocking it. */
async function whenFree<Result>(namespace: string, work: () => Result): Promise<Result> {
  for (const until = Date.now() + writerWaitMs; ; ) {
    try {
      return work();
    } catch (error) {
      if (!(error as { code?: string }).code?.startsWith('SQLITE_BUSY') || Date.now() > until) throw error;
      for (const [baton, stream] of streams)
        if (stream.namespace === namespace && stream.database.inTransaction && Date.now() - stream.silentSince > silentMs)
          end(baton, stream);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }
}

async function answer(stream: Stream, request: Request): Promise<object> {
  try {
    if (request.type === 'execute')
      return ok({ type: 'execute', result: await whenFree(stream.namespace, () => execute(stream.database, request.stmt)) });
    if (request.type === 'sequence') {
      await whenFree(stream.namespace, () => stream.database.exec(request.sql));
      return ok({ type: 'sequence' });
    }
    return ok({ type: 'close' });
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    return { type: 'error', error: { message, code: code ?? 'UNKNOWN' } };
  }
}
const ok = (response: object): object => ({ type: 'ok', response });

async function pipeline(
  namespace: string,
  { baton, requests }: { baton: string | null; requests: readonly Request[] },
): Promise<[number, object]> {
  const stream = baton ? streams.get(baton) : existsSync(fileOf(namespace)) ? open(namespace) : undefined;
  if (baton) streams.delete(baton);
  if (!stream)
    return baton
      ? [400, { message: 'the stream has expired', code: 'STREAM_EXPIRED' }]
      : [404, { error: `Namespace ${namespace} doesn't exist` }];
  clearTimeout(stream.idle);
  const results: object[] = [];
  for (const request of requests) results.push(await answer(stream, request));
  if (requests.some(({ type }) => type === 'close')) {
    stream.database.close();
    return [200, { baton: null, base_url: null, results }];
  }
  const next = randomUUID();
  streams.set(next, stream);
  stream.silentSince = Date.now();
  stream.idle = setTimeout(() => end(next, stream), streamIdleMs);
  return [200, { baton: next, base_url: null, results }];
}

function administer(method: string, namespace: string): [number, object] {
  const exists = existsSync(fileOf(namespace));
  if (method === 'POST') {
    if (exists) return [400, { error: `Namespace ${namespace} already exists` }];
    const database = new Database(fileOf(namespace));
    database.pragma(`synchronous = ${synchronous}`);
    database.pragma('journal_mode = WAL');
    database.close();
    return [200, {}];
  }
  if (!exists) return [404, { error: `Namespace ${namespace} doesn't exist` }];
  for (const [baton, stream] of streams)
    if (stream.namespace === namespace) {
      end(baton, stream);
    }
  for (const suffix of ['-wal', '-shm', '']) rmSync(fileOf(namespace) + suffix, { force: true });
  return [200, {}];
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString());
}

async function handle(request: IncomingMessage): Promise<[number, object]> {
  if (token !== '' && request.headers.authorization !== `Bearer ${token}`) return [401, { error: 'unauthorised' }];
  const { method = 'GET', url = '/' } = request;
  // Not of the real one: how many streams are open, for whoever wants to look at the files when none is.
  if (url === '/streams') return [200, { open: streams.size }];
  const admin = /^\/v1\/namespaces\/([a-z0-9-]+)(\/create)?$/.exec(url)?.[1];
  if (admin !== undefined) return administer(method, admin);
  const namespace = /^\/dev\/([a-z0-9-]+)\/v2\/pipeline$/.exec(url)?.[1];
  if (namespace === undefined) return [404, { error: 'no such route' }];
  return pipeline(namespace, (await bodyOf(request)) as { baton: string | null; requests: Request[] });
}

const server = createServer((request, response) => {
  handle(request)
    .catch((error: unknown): [number, object] => [500, { error: String(error) }])
    .then(
      ([status, body]) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      () => response.destroy(),
    );
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as { port: number }).port, dir })));
process.stdin.resume().on('end', () => {
  rmSync(dir, { recursive: true, force: true });
  process.exit();
});
