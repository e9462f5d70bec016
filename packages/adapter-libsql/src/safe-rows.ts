import { StoreError } from '@spacestore/core';
import type { SqlRow, SqlValue } from '@spacestore/core/sql';
import type { LibsqlDatabase } from './library.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A query whose answer says the same without a TEXT value that was stored: libsql ends the whole process where one is not UTF-8, which is what a flipped
 *  bit makes of it, and cuts it at a NUL. TEXT comes as hexadecimal digits of its bytes. */
export function safeQuery(database: LibsqlDatabase, sql: string): string {
  const columns = Array.from({ length: columnsOf(database, sql) }, (_, i) => `c${i}`);
  const safe = columns.map((c) => `CASE typeof(${c}) WHEN 'text' THEN hex(${c}) ELSE ${c} END`);
  return `WITH answer (${columns.join(', ')}) AS (${sql}) SELECT ${safe.join(', ')} FROM answer`;
}

/** How many columns a query answers with, as SQLite says it in refusing a wrong number: libsql's own way reads the schema's text, to the same end as above. */
function columnsOf(database: LibsqlDatabase, sql: string): number {
  const tooMany = Array.from({ length: 100 }, (_, i) => `c${i}`).join(', ');
  try {
    database.prepare(`WITH answer (${tooMany}) AS (${sql}) SELECT 1 FROM answer`);
  } catch (error) {
    const [, count] = /^table answer has (\d+) values for 100 columns$/.exec((error as Error).message) ?? [];
    if (count === undefined) throw error;
    return Number(count);
  }
  throw new TypeError('a query of 100 columns');
}

/** A row of such a query. Throws: corrupt for TEXT that is not UTF-8. */
export function rowOfSafe(row: readonly unknown[]): SqlRow {
  return row.map((value) => (typeof value === 'string' ? textOf(value) : (value as SqlValue)));
}

function textOf(digits: string): string {
  try {
    return decoder.decode(Buffer.from(digits, 'hex'));
  } catch (cause) {
    throw new StoreError('corrupt', 'a text in the database file is damaged', { cause });
  }
}
