import { openHttp, type Stream, type Value } from '@libsql/hrana-client';
import { StoreError } from '@spacestore/core';
import type { RemoteSqliteEngine, SqlRow, SqlStep, SqlValue } from '@spacestore/core/sql';
import { remoteError } from './remote-errors.ts';

export interface HranaServer {
  /** Address of a database: `{database}` stands for its name. */
  readonly url: string;
  readonly authToken: string | undefined;
  /** Address of the admin interface, which makes and removes databases. */
  readonly adminUrl: string;
  readonly adminToken: string | undefined;
  /** How long one request may take. */
  readonly timeoutMs: number;
}

/** Databases on a libSQL server, by Hrana over HTTP. Source: https://github.com/tursodatabase/libsql/blob/main/docs/HRANA_3_SPEC.md and ADMIN_API.md */
export function hranaEngine(server: HranaServer): RemoteSqliteEngine {
  const request: typeof fetch = (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(server.timeoutMs) });

  const withStream = async <Result>(database: string, work: (stream: Stream) => Promise<Result>): Promise<Result> => {
    const client = openHttp(addressOf(server.url, database), server.authToken, request);
    const stream = client.openStream();
    stream.intMode = 'number';
    try {
      return await work(stream);
    } catch (error) {
      throw remoteError(error, database);
    } finally {
      stream.closeGracefully();
    }
  };

  const administer = async (method: 'POST' | 'DELETE', path: string, isFine: (status: number, text: string) => boolean): Promise<void> => {
    try {
      const response = await request(new URL(path, server.adminUrl), {
        method,
        headers: { 'content-type': 'application/json', ...(server.adminToken && { authorization: `Bearer ${server.adminToken}` }) },
        ...(method === 'POST' && { body: '{}' }),
      });
      const text = await response.text();
      if (!response.ok && !isFine(response.status, text)) throw adminError(response.status);
    } catch (error) {
      throw remoteError(error);
    }
  };

  return {
    storeError: (error) => remoteError(error),
    transaction: (database, mode, work) =>
      withStream(database, async (stream) => {
        const begun = tended(stream.run(mode === 'write' ? 'BEGIN IMMEDIATE' : 'BEGIN'));
        const posted: Promise<unknown>[] = [];
        let isBegun = false;
        const begin = async (): Promise<void> => {
          await begun;
          isBegun = true;
        };
        try {
          const result = await work(async (step) => {
            // A question is sent along with BEGIN, in one request. What writes is not: if BEGIN is refused, it would be done all the same.
            if (!isBegun && !step.sql.startsWith('SELECT')) await begin();
            const answer = tended(execute(stream, step));
            if (step.kind === 'post') {
              posted.push(answer);
              return 0;
            }
            // The first that failed is told, and not what came of it.
            if (!isBegun) await begin();
            await Promise.all(posted.splice(0));
            return answer;
          });
          if (!isBegun) await begin();
          await Promise.all(posted);
          // Closed by a request of its own, so that a stream is let go also where the COMMIT never reached the server.
          await stream.run('COMMIT');
          return result;
        } catch (error) {
          // A stream that is lost, or that can't even do this, is rolled back by the server; the first error is the one to tell.
          await Promise.allSettled([begun, ...posted, stream.closed ? undefined : stream.run('ROLLBACK')]);
          throw error;
        }
      }),
    script: (database, sql) =>
      withStream(database, (stream) => {
        const done = stream.sequence(sql);
        stream.closeGracefully();
        return done;
      }),
    create: (database) =>
      administer('POST', `/v1/namespaces/${database}/create`, (status, text) => status === 409 || (status === 400 && /exist/i.test(text))),
    remove: (database) => administer('DELETE', `/v1/namespaces/${database}`, (status) => status === 404),
    close: () => undefined,
  };
}

/** Its failure is told where it is awaited, which may be later. */
function tended<Result>(work: Promise<Result>): Promise<Result> {
  void Promise.allSettled([work]);
  return work;
}

function addressOf(url: string, database: string): string {
  // The client looks for its routes beside the last part of a path, below one that ends with a slash.
  return url
    .replace('{database}', database)
    .replace(/^libsql:/, 'https:')
    .replace(/\/?$/, '/');
}

async function execute(stream: Stream, { kind, sql, values }: SqlStep): Promise<readonly SqlRow[] | number> {
  const statement: [string, (SqlValue | Value)[]] = [sql, [...values]];
  if (kind !== 'rows') return (await stream.run(statement)).affectedRowCount;
  return (await stream.query(statement)).rows.map((row) => Array.from({ length: row.length }, (_, i) => columnOf(row[i])));
}

function columnOf(value: Value | undefined): SqlValue {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return value as SqlValue;
}

function adminError(status: number): StoreError {
  const isRefused = status === 401 || status === 403;
  return new StoreError(isRefused ? 'denied' : 'unavailable', 'the admin interface of the libSQL server refused', { context: { status } });
}
