import { isStoreError, StoreError } from '@spacestore/core';
import { postgresError } from '@spacestore/core/sql/postgres';

/** The error of pg as one of the stores' own: the server's have its code, those of the connection the system's or none at all. */
export function storeError(error: unknown): StoreError {
  if (isStoreError(error)) return error;
  const { code, severity } = (error ?? {}) as { readonly code?: unknown; readonly severity?: unknown };
  if (severity !== undefined && typeof code === 'string') return postgresError(code, withoutValues(error as ServerError));
  if (error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError) return postgresError(undefined, error);
  return new StoreError('unavailable', 'the database could not be reached, or the connection broke', {
    cause: error,
    context: typeof code === 'string' ? { engine: code } : {},
  });
}

interface ServerError extends Error {
  readonly code: string;
  readonly table?: string;
  readonly constraint?: string;
  readonly routine?: string;
}

/** What may be logged of an error of the server. Its details can quote rows, and the messages of class 22 the values themselves. */
function withoutValues({ code, message, table, constraint, routine }: ServerError): Error {
  const told = code.startsWith('22') ? 'a value was refused' : message;
  return Object.assign(new Error(told), { code, table, constraint, routine });
}
