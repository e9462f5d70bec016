import type { Session, SqlWork } from '../database.ts';
import { runLater } from '../sql.ts';
import type { RemoteSqliteEngine } from './engine.ts';

interface RemoteSession extends Session {
  version: number;
}

/** Databases whose sessions are remembered, and how many of each. */
const maxDatabases = 1000;
const maxIdle = 4;

/** Runs transactions with what earlier ones learnt of a database. */
export interface RemoteSessions {
  readonly run: <Result>(database: string, mode: 'read' | 'write', work: SqlWork<Result>) => Promise<Result>;
  readonly forget: (database: string) => void;
}

/** Transactions of one database overlap here, which they never do in a file: each has a session, with its caches, to itself. Writers of one database go one
 *  after the other, since they would wait for each other on the server anyway. */
export function remoteSessions(engine: RemoteSqliteEngine): RemoteSessions {
  /** Least recently used first. */
  const idle = new Map<string, RemoteSession[]>();
  const writers = new Map<string, Promise<unknown>>();

  const take = (database: string): RemoteSession => {
    const sessions = idle.get(database) ?? [];
    idle.delete(database);
    idle.set(database, sessions);
    const [oldest] = idle.keys();
    if (idle.size > maxDatabases && oldest !== undefined) idle.delete(oldest);
    return sessions.pop() ?? { version: 0 };
  };
  const giveBack = (database: string, session: RemoteSession): void => {
    const sessions = idle.get(database);
    if (sessions && sessions.length < maxIdle) sessions.push(session);
  };

  const transact = async <Result>(database: string, mode: 'read' | 'write', work: SqlWork<Result>): Promise<Result> => {
    const session = take(database);
    session.version++; // nobody says whether somebody else has committed
    // A session whose transaction failed is not taken again.
    const result = await engine.transaction(database, mode, (execute) => runLater(work(session), execute));
    if (mode === 'write') session.version++;
    giveBack(database, session);
    return result;
  };

  return {
    run: async (database, mode, work) => {
      if (mode === 'read') return transact(database, mode, work);
      const before = writers.get(database);
      const mine = (async () => {
        await Promise.allSettled([before]);
        return transact(database, mode, work);
      })();
      writers.set(database, mine);
      try {
        return await mine;
      } finally {
        if (writers.get(database) === mine) writers.delete(database);
      }
    },
    forget: (database) => void idle.delete(database),
  };
}
