import { StoreError } from '../errors.ts';
import type { SqliteHandle } from './sqlite-engine.ts';

/** What kind of file it is, and the steps that made it what it is now: step n lifts a file of version n to n + 1. */
export interface Schema {
  readonly name: string;
  /** Written into the file's header, so that a file of another kind is recognised. */
  readonly applicationId: number;
  readonly steps: readonly string[];
}

/** The file has the newest version. Throws: corrupt (another kind of file, or none at all), unsupported (made by a newer release). */
export function migrate(handle: SqliteHandle, schema: Schema): void {
  const applicationId = pragma(handle, 'application_id');
  if (applicationId !== schema.applicationId)
    throw new StoreError('corrupt', `not a ${schema.name} file`, { context: { applicationId, expected: schema.applicationId } });
  const version = pragma(handle, 'user_version');
  const newest = schema.steps.length;
  if (version > newest)
    throw new StoreError('unsupported', `this ${schema.name} file was made by a newer release: update this one`, {
      context: { version, newest },
    });
  if (version < newest) lift(handle, schema);
}

/** Makes an empty file one of this kind, of the newest version. */
export function initialise(handle: SqliteHandle, schema: Schema, fill = ''): void {
  const version = `PRAGMA application_id = ${schema.applicationId}; PRAGMA user_version = ${schema.steps.length};`;
  handle.exec(`BEGIN IMMEDIATE; ${schema.steps.join('\n')} ${fill}; ${version} COMMIT`);
}

/** Another process may do the same: the version is read again under the lock. */
function lift(handle: SqliteHandle, schema: Schema): void {
  handle.exec('BEGIN IMMEDIATE');
  try {
    const version = pragma(handle, 'user_version');
    for (const step of schema.steps.slice(version)) handle.exec(step);
    handle.exec(`PRAGMA user_version = ${schema.steps.length}`);
    handle.exec('COMMIT');
  } catch (error) {
    handle.exec('ROLLBACK');
    throw error;
  }
}

/** A pragma that answers with one integer. */
export function pragma(handle: SqliteHandle, name: 'application_id' | 'user_version' | 'page_count'): number {
  return Number(handle.rows(`PRAGMA ${name}`, [])[0]?.[0]);
}
