import type { PostgresConnection, PostgresEngine, PostgresStep, SqlRow } from '@spacestore/core/sql/postgres';
import { type ClientConfig, Pool, type PoolClient, type PoolConfig } from 'pg';
import { storeError } from './errors.ts';
import { listenOn } from './listen.ts';

export interface PoolOptions {
  readonly url: string;
  readonly listenUrl: string;
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
}

/** pg as the stores want it: a pool of connections that take several statements before the first is answered. */
export function pgEngine({ url, listenUrl, maxConnections, connectTimeoutMs }: PoolOptions): PostgresEngine {
  const config: ClientConfig = {
    connectionString: url,
    connectionTimeoutMillis: connectTimeoutMs,
    keepAlive: true,
    application_name: 'spacestore',
    types: { getTypeParser: parserOf as never },
  };
  const pool = new Pool({ ...config, pipeline: true, max: maxConnections } as PoolConfig);
  // Whoever uses a broken connection is told by its statements; one that nobody uses is replaced when it is needed.
  const ignore = (error: Error): void => void error;
  pool.on('error', ignore);
  pool.on('connect', (client) => void client.on('error', ignore));
  const names = new Map<string, string>();
  const nameOf = (sql: string): string => {
    const name = names.get(sql) ?? `s${names.size + 1}`;
    names.set(sql, name);
    return name;
  };
  return {
    storeError,
    use: async (work) => {
      const client = await pool.connect();
      try {
        const result = await work(connectionOf(client, nameOf));
        client.release();
        return result;
      } catch (error) {
        client.release(true);
        throw error;
      }
    },
    listen: (channel, listener) => listenOn({ ...config, connectionString: listenUrl }, channel, listener),
    close: () => pool.end(),
  };
}

function connectionOf(client: PoolClient, nameOf: (sql: string) => string): PostgresConnection {
  const query = async ({ sql, values }: PostgresStep, withinMs: number | undefined) => {
    const { rows, rowCount, command } = await client.query<SqlRow[]>({
      text: sql,
      rowMode: 'array',
      ...(withinMs !== undefined && { query_timeout: withinMs }),
      ...(values && { name: nameOf(sql), values: [...values] }),
    });
    return { rows: rows as unknown as readonly SqlRow[], changed: rowCount ?? 0, command };
  };
  return { send: (steps, withinMs) => Promise.all(steps.map((step) => query(step, withinMs))) };
}

/** The types that statements answer with; the rest is text. Source: pg_type.dat */
function parserOf(oid: number): (text: string) => unknown {
  switch (oid) {
    case 20: // int8: none of ours is beyond 2^53
    case 23: // int4
      return Number;
    case 16: // bool
      return (text) => (text === 't' ? 1 : 0);
    case 17: // bytea, in hexadecimal
      return (text) => bytesOf(text);
    default:
      return (text) => text;
  }
}

/** A plain Uint8Array: a Buffer's slices would share its memory. */
function bytesOf(text: string): Uint8Array {
  const buffer = Buffer.from(text.slice(2), 'hex');
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
