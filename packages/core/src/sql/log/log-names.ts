import { StoreError } from '../../errors.ts';
import type { PeerId, TreeId, UserId } from '../../ids.ts';
import { rows, type Sql, value } from '../sql.ts';
import type { HeadRow } from './log-head.ts';
import { idSumSql, nameDigest } from './row-digest.ts';

/** Names and the small integers that stand for them. */
interface Interned<Name extends string> {
  readonly names: Map<number, Name>;
  readonly ids: Map<Name, number>;
  /** The highest integer read. */
  last: number;
}

/** All names of one history of a log. They are read from the tables alone and held against the head's sum of them: looked up by an index, a name
 *  whose entry a bad disk has lost would read as one that was never there. */
export interface LogNames {
  readonly incarnation: string;
  readonly tree: Interned<TreeId>;
  readonly peer: Interned<PeerId>;
  readonly author: Interned<UserId>;
  /** The sum over the names read. */
  sum: number;
  /** Whether the id index was held against the head's sum, once for as long as the file is open. */
  isIndexChecked: boolean;
}

export type NameTable = 'tree' | 'peer' | 'author';

export function newNames(incarnation: string): LogNames {
  const none = <Name extends string>(): Interned<Name> => ({ names: new Map(), ids: new Map(), last: 0 });
  return { incarnation, tree: none(), peer: none(), author: none(), sum: 0, isIndexChecked: false };
}

/** The names are those of this head. Throws: corrupt if one is lost or changed. */
export function* readNames(names: LogNames, head: HeadRow): Sql<void> {
  if (names.sum === head.nameSum) return;
  for (const table of ['tree', 'peer', 'author'] as const) {
    const found = yield* rows(`SELECT id, name FROM ${table} NOT INDEXED WHERE id > ?`, names[table].last);
    for (const [id, name] of found) addName(names, table, id as number, name as string);
  }
  if (names.sum !== head.nameSum) throw new StoreError('corrupt', 'the names of trees, peers or authors are not what was stored');
}

export function addName(names: LogNames, table: NameTable, id: number, name: string): void {
  const interned = names[table] as Interned<string>;
  interned.names.set(id, name);
  interned.ids.set(name, id);
  interned.last = Math.max(interned.last, id);
  names.sum += nameDigest(table, id, name);
}

/** The id index holds what the head says. Questions that it answers must not miss a record that a bad disk took out of it, and SQLite does not see
 *  that. Costs about 0.2 s for a million records, once for as long as the file is open. Throws: corrupt. */
export function* checkIndex(names: LogNames, head: HeadRow): Sql<void> {
  if (names.isIndexChecked) return;
  if ((yield* indexSum()) !== head.idSum) throw new StoreError('corrupt', 'the index of the log is not what was stored');
  names.isIndexChecked = true;
}

/** The sum over the id index. */
export function* indexSum(): Sql<number> {
  return (yield* value(`SELECT coalesce(sum(${idSumSql}), 0) FROM record_id`)) as number;
}
