import { StoreError } from '../../errors.ts';
import type { Schema } from '../migrate.ts';
import type { RemoteSqliteEngine } from './engine.ts';

/** The database is there, has this schema's newest version, and what `fill` brings if it is new. Others may do the same at once. Throws: unsupported (made
 *  by a newer release). */
export async function installSchema(engine: RemoteSqliteEngine, database: string, schema: Schema, fill = ''): Promise<void> {
  const newest = schema.steps.length;
  await engine.create(database);
  const version = await versionOf(engine, database);
  if (version > newest)
    throw new StoreError('unsupported', `this ${schema.name} database was made by a newer release: update this one`, {
      context: { version, newest },
    });
  if (version === newest) return;
  const steps = schema.steps.slice(version).join('\n');
  try {
    await engine.script(database, `BEGIN IMMEDIATE; ${steps} ${version === 0 ? fill : ''}; PRAGMA user_version = ${newest}; COMMIT`);
  } catch (error) {
    // Else another one was faster.
    if ((await versionOf(engine, database)) < newest) throw engine.storeError(error);
  }
}

function versionOf(engine: RemoteSqliteEngine, database: string): Promise<number> {
  return engine.transaction(database, 'read', async (execute) => {
    const [found] = (await execute({ kind: 'rows', sql: 'PRAGMA user_version', values: [] })) as readonly (readonly unknown[])[];
    return Number(found?.[0]);
  });
}
