import type { WorkspaceId } from '../../ids.ts';
import { integers, texts } from './arrays.ts';
import type { PostgresStep } from './engine.ts';
import type { NewRow } from './judge-calls.ts';
import { joinedChains } from './log-head.ts';
import type { ChainLink, Pair } from './log-state.ts';

/** Rows of several logs for one statement. */
export interface RowsOfLog<Row> {
  readonly workspace: WorkspaceId;
  readonly rows: readonly Row[];
}

/** Inserts records. Bodies go as one parameter that the database cuts: an array of them would be written and read as hexadecimal text. */
export function insertRecords(logs: readonly RowsOfLog<NewRow>[]): PostgresStep {
  const workspaces: string[] = [];
  const places: number[] = [];
  const positions: number[] = [];
  const pairs: number[] = [];
  const counters: number[] = [];
  const times: number[] = [];
  const digests: number[] = [];
  const authors = new Map<string, number>();
  const vias: number[] = [];
  const starts: number[] = [];
  const lengths: number[] = [];
  let end = 0;
  for (const { workspace, rows } of logs) {
    workspaces.push(workspace);
    for (const row of rows) {
      places.push(workspaces.length);
      positions.push(row.position);
      pairs.push(row.pair.id);
      counters.push(row.counter);
      times.push(row.receivedAt);
      digests.push(row.digest);
      vias.push(placeOf(authors, row.via));
      starts.push(end + 1);
      lengths.push(row.body.length);
      end += row.body.length;
    }
  }
  return {
    sql: `INSERT INTO record (workspace, position, pair, counter, received_at, digest, via, body)
SELECT ($1::text[])[u.w], u.position, u.pair, u.counter, u.received_at, u.digest, ($2::text[])[u.via], substring($3::bytea FROM u.start FOR u.length)
FROM unnest($4::int[], $5::bigint[], $6::int[], $7::bigint[], $8::bigint[], $9::bigint[], $10::int[], $11::int[], $12::int[])
 AS u (w, position, pair, counter, received_at, digest, via, start, length)`,
    values: [
      texts(workspaces),
      texts([...authors.keys()]),
      joined(logs, end),
      integers(places),
      integers(positions),
      integers(pairs),
      integers(counters),
      integers(times),
      integers(digests),
      integers(vias),
      integers(starts),
      integers(lengths),
    ],
  };
}

/** The place of a text among distinct ones, from 1; 0, which no array has, for none. */
function placeOf(known: Map<string, number>, text: string | undefined): number {
  if (text === undefined) return 0;
  const place = known.get(text) ?? known.size + 1;
  known.set(text, place);
  return place;
}

function joined(logs: readonly RowsOfLog<NewRow>[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let end = 0;
  for (const { rows } of logs)
    for (const { body } of rows) {
      bytes.set(body, end);
      end += body.length;
    }
  return bytes;
}

export function insertPairs(logs: readonly RowsOfLog<Pick<Pair, 'id' | 'tree' | 'peer'>>[]): PostgresStep {
  const rows = logs.flatMap(({ workspace, rows: pairs }) => pairs.map((pair) => ({ workspace, ...pair })));
  return {
    sql: 'INSERT INTO pair (workspace, id, tree, peer) SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[])',
    values: [
      texts(rows.map((row) => row.workspace)),
      integers(rows.map((row) => row.id)),
      texts(rows.map((row) => row.tree)),
      texts(rows.map((row) => row.peer)),
    ],
  };
}

export function insertLinks(logs: readonly RowsOfLog<ChainLink>[]): PostgresStep {
  const rows = logs.flatMap(({ workspace, rows: links }) => links.map((link) => ({ workspace, ...link })));
  return {
    sql: `INSERT INTO chain (workspace, position, chain)
SELECT u.workspace, u.position, substring($3::bytea FROM (u.n * 32 - 31)::int FOR 32)
FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS u (workspace, position, n)`,
    values: [texts(rows.map((row) => row.workspace)), integers(rows.map((row) => row.position)), joinedChains(rows)],
  };
}
