import type { SqlDatabase, SqlWork } from '../database.ts';
import type { Schema } from '../migrate.ts';
import type { RemoteSqliteEngine } from './engine.ts';
import { installSchema } from './install.ts';
import type { RemoteSessions } from './sessions.ts';

/** One database on a server, made at the first question. */
export function remoteDatabase(engine: RemoteSqliteEngine, sessions: RemoteSessions, name: string, schema: Schema): SqlDatabase {
  let made: Promise<void> | undefined;
  const ready = async (): Promise<void> => {
    made ??= installSchema(engine, name, schema);
    try {
      await made;
    } catch (error) {
      made = undefined;
      throw engine.storeError(error);
    }
  };
  const run = async <Result>(mode: 'read' | 'write', work: SqlWork<Result>): Promise<Result> => {
    await ready();
    return sessions.run(name, mode, work);
  };
  return { read: (work) => run('read', work), write: (work) => run('write', work), close: async () => undefined };
}
