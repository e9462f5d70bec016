import type { Session } from '../database.ts';
import type { Sql } from '../sql.ts';
import { type HeadRow, readHead } from './log-head.ts';

/** The head rows that sessions have read or written, as long as nobody can have changed them. */
export interface KnownHeads {
  readonly read: (session: Session) => Sql<HeadRow | undefined>;
  /** This is the head once the write transaction that runs now is committed. */
  readonly written: (session: Session, head: HeadRow | undefined) => void;
}

export function knownHeads(): KnownHeads {
  const heads = new WeakMap<Session, { readonly version: number; readonly head: HeadRow | undefined }>();
  return {
    read: function* (session) {
      const known = heads.get(session);
      if (known?.version === session.version) return known.head;
      const head = yield* readHead();
      heads.set(session, { version: session.version, head });
      return head;
    },
    // A transaction that fails raises the version by two.
    written: (session, head) => void heads.set(session, { version: session.version + 1, head }),
  };
}
