import { StoreError } from '../../errors.ts';
import { type ChainDigest, chainTag, emptyChain, extendChain } from '../../log/chain.ts';
import { type Cursor, decodeCursor, encodeCursor, reachOfCursor, staleCursor } from '../../log/cursor.ts';
import { chainStride } from '../log/log-head.ts';
import type { PostgresStep } from './engine.ts';
import { headCursor, type SharedHead } from './log-head.ts';
import type { PostgresTransaction } from './transaction.ts';

/** Where the last stored link at or before a place lies: links are stored at the multiples of the stride. */
export function linkBefore(position: number): number {
  return position - (position % chainStride);
}

const selectLink = 'SELECT chain FROM chain WHERE workspace = $1 AND position = $2';
const selectDigests = 'SELECT digest FROM record WHERE workspace = $1 AND position > $2 AND position <= $3 ORDER BY position';

/** Asks for what the chain at a place is computed from. */
export function chainSteps({ workspace }: SharedHead, position: number): readonly PostgresStep[] {
  const link = linkBefore(position);
  return [
    { sql: selectLink, values: [workspace, link] },
    { sql: selectDigests, values: [workspace, link, position] },
  ];
}

/** The last stored link before a place and the digests of the records after it. Throws: corrupt where one of them is not there. */
export function chainParts(
  position: number,
  answers: readonly { readonly rows: readonly (readonly unknown[])[] }[],
): { readonly link: ChainDigest; readonly digests: number[] } {
  const at = linkBefore(position);
  const link = at === 0 ? emptyChain : (answers[0]?.rows[0]?.[0] as ChainDigest | undefined);
  const digests = (answers[1]?.rows ?? []).map(([digest]) => digest as number);
  if (link === undefined) throw new StoreError('corrupt', 'a link of the chain is missing', { context: { position: at } });
  if (digests.length !== position - at)
    throw new StoreError('corrupt', 'records are missing from the log', {
      context: { after: at, through: position, found: digests.length },
    });
  return { link, digests };
}

async function chainAt(transaction: PostgresTransaction, head: SharedHead, position: number): Promise<ChainDigest> {
  if (position === head.position) return head.chain;
  if (position === 0) return emptyChain;
  const { link, digests } = chainParts(position, await transaction.send(chainSteps(head, position)));
  return extendChain(link, digests);
}

/** The cursor at a place of the log. */
export async function cursorAt(transaction: PostgresTransaction, head: SharedHead, position: number): Promise<Cursor> {
  const chain = await chainAt(transaction, head, position);
  return encodeCursor({ incarnation: head.incarnation, position, chain: chainTag(chain) });
}

/** The place a cursor names, in this log. Throws: invalid, stale_cursor. */
export async function placeOfCursor(transaction: PostgresTransaction, head: SharedHead, cursor: Cursor): Promise<number> {
  const parts = decodeCursor(cursor);
  const log = { ...head, cursor: headCursor(head) };
  if (reachOfCursor(log, parts) === undefined) throw staleCursor(log);
  if (chainTag(await chainAt(transaction, head, parts.position)) !== parts.chain) throw staleCursor(log);
  return parts.position;
}
