import { HttpServerError, ResponseError } from '@libsql/hrana-client';
import { isStoreError, StoreError } from '@spacestore/core';
import { sqliteError } from '@spacestore/core/sql';

/** What a libSQL server says besides SQLite's own codes: its transaction was ended, and nothing of it is left. */
const ended = ['TRANSACTION_TIMEOUT', 'TRANSACTION_BUSY', 'STREAM_EXPIRED', 'HRANA_WEBSOCKET_STREAM_LIMIT'];

/** The error of a request to a libSQL server as one of the stores' own. Whatever happened to a request on its way is `unavailable`. */
export function remoteError(error: unknown, database?: string): StoreError {
  if (isStoreError(error)) return error;
  if (error instanceof HttpServerError) return httpError(error, database);
  if (error instanceof ResponseError) {
    if (error.code !== undefined && ended.includes(error.code))
      return new StoreError('busy', 'the server ended the transaction', { cause: error, context: { engine: error.code } });
    if (/namespace.*(doesn't|does not) exist/i.test(error.message)) return missing(error, database);
    return sqliteError(error.code, error);
  }
  return new StoreError('unavailable', 'the libSQL server could not be reached', { cause: error });
}

function httpError(error: HttpServerError, database: string | undefined): StoreError {
  const { status } = error;
  const context = { status };
  if (status === 401 || status === 403) return new StoreError('denied', 'the libSQL server refused the token', { cause: error, context });
  if (status === 404) return missing(error, database);
  if (status === 429) return new StoreError('busy', 'the libSQL server has too much to do', { cause: error, context });
  return new StoreError('unavailable', 'the libSQL server failed', { cause: error, context });
}

function missing(cause: unknown, database: string | undefined): StoreError {
  return new StoreError('not_found', 'there is no such database on the libSQL server', {
    cause,
    context: database === undefined ? {} : { database },
  });
}
