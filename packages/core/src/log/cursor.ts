import { StoreError } from '../errors.ts';
import type { Brand } from '../ids.ts';

/** An opaque place in one history of a workspace's log: equal strings are equal places. */
export type Cursor = Brand<string, 'Cursor'>;

/** A history that was continued: this log has its records up to `forkedAt`. */
export interface Fork {
  readonly incarnation: string;
  readonly forkedAt: Cursor;
}

export interface CursorParts {
  /** 16 lower-case hex digits. */
  readonly incarnation: string;
  /** The last position at or before the place; 0 is the start. */
  readonly position: number;
  /** First 8 bytes of the log's chain digest up to there, as 16 lower-case hex digits. */
  readonly chain: string;
}

const pattern = /^([0-9a-f]{16})\.(0|[1-9][0-9]{0,15})\.([0-9a-f]{16})$/;

/** Length in characters of the longest cursor. */
export const maxCursorLength = 50;

export function encodeCursor(parts: CursorParts): Cursor {
  return `${parts.incarnation}.${parts.position}.${parts.chain}` as Cursor;
}

/** Throws: invalid. */
export function parseCursor(value: unknown): Cursor {
  decodeCursor(value as Cursor);
  return value as Cursor;
}

/** Throws: invalid, for anything `encodeCursor` does not make. */
export function decodeCursor(cursor: Cursor): CursorParts {
  const match = typeof cursor === 'string' ? pattern.exec(cursor) : null;
  const position = match ? Number(match[2]) : Number.NaN;
  if (!match || !Number.isSafeInteger(position)) throw new StoreError('invalid', 'not a cursor of this store');
  return { incarnation: match[1] as string, position, chain: match[3] as string };
}

/** What judging a cursor needs to know of a log. */
export interface CursorLog {
  readonly incarnation: string;
  readonly position: number;
  readonly lineage: readonly Fork[];
}

/** The position up to which this log can share a history with the cursor, or undefined if it cannot.
 *  The caller must still compare `chain` with the log's own digest at the cursor's position: only that recognises a copied-back file. */
export function reachOfCursor(log: CursorLog, cursor: CursorParts): number | undefined {
  const reach =
    cursor.incarnation === log.incarnation
      ? log.position
      : log.lineage
          .filter((fork) => fork.incarnation === cursor.incarnation)
          .map((fork) => decodeCursor(fork.forkedAt).position)
          .at(0);
  return reach !== undefined && cursor.position <= reach ? reach : undefined;
}

/** The refusal of a cursor: the context tells the client where its history and this one part. */
export function staleCursor(log: (CursorLog & { readonly cursor: Cursor }) | undefined): StoreError {
  return new StoreError('stale_cursor', 'this cursor belongs to another history of the workspace', {
    context: log ? { incarnation: log.incarnation, lineage: log.lineage, head: log.cursor } : { lineage: [] },
  });
}
