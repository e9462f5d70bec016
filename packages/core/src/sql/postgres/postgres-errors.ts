import { isStoreError, StoreError, type StoreErrorCode } from '../../errors.ts';

/** PostgreSQL's error codes that callers can act on, by their beginnings; whatever is not here is a fault of ours.
 *  Source: postgresql.org/docs/current/errcodes-appendix.html */
const codes: readonly (readonly [prefix: string, code: StoreErrorCode, message: string])[] = [
  ['40001', 'busy', 'another transaction was first'],
  ['40P01', 'busy', 'two transactions waited for each other'],
  ['55P03', 'busy', 'another transaction holds the lock'],
  ['57014', 'busy', 'a statement took too long and was given up'],
  ['53300', 'busy', 'the database has no connection left'],
  ['53100', 'unavailable', 'the disk is full'],
  ['53', 'unavailable', 'the database has not enough resources'],
  ['57P', 'unavailable', 'the database stops, starts or gave up the connection'],
  ['08', 'unavailable', 'the connection to the database broke'],
  ['25006', 'unavailable', 'the database can only be read now'],
  ['25P03', 'unavailable', 'a transaction was idle for too long'],
  ['58', 'unavailable', 'the machine of the database failed'],
  ['28', 'unavailable', 'the database does not let this user in'],
  ['3D000', 'unavailable', 'there is no such database'],
  ['XX001', 'corrupt', 'the database is damaged'],
  ['XX002', 'corrupt', 'an index of the database is damaged'],
  ['42501', 'internal', 'the user of the database lacks a right'],
  ['54', 'too_large', 'a value is too large for the database'],
  ['22021', 'invalid', 'a text holds a character that the database does not take'],
];

/** The error of a PostgreSQL error code; `context.engine` names the code. A `StoreError` stays as it is. */
export function postgresError(code: string | undefined, cause: unknown): StoreError {
  if (isStoreError(cause)) return cause;
  const known = codes.find(([prefix]) => code?.startsWith(prefix));
  return known
    ? new StoreError(known[1], known[2], { cause, context: { engine: code } })
    : new StoreError('internal', 'the database refused a statement', { cause, context: code === undefined ? {} : { engine: code } });
}
