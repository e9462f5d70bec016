import { StoreError } from '../../errors.ts';
import { type Sql, value } from '../sql.ts';
import type { HeadRow } from './log-head.ts';
import { isAsWritten, readRowHead, rowCursor } from './row-data.ts';

/** The position of the last record received before a time, 0 if there is none: times never decrease along the log. */
export function* positionOfTime(time: number, head: HeadRow): Sql<number> {
  if (time > head.receivedAt) return head.position;
  let before = 0;
  let notBefore = head.position + 1;
  while (notBefore - before > 1) {
    const middle = Math.floor((before + notBefore) / 2);
    const data = (yield* value('SELECT data FROM record WHERE position = ?', middle)) as Uint8Array | undefined;
    const row = rowCursor();
    if (data === undefined || !isAsWritten(data) || !readRowHead(data, row))
      throw new StoreError('corrupt', 'a record is missing from the log, or not what was stored', { context: { position: middle } });
    if (row.receivedAt < time) before = middle;
    else notBefore = middle;
  }
  return before;
}
