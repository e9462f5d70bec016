/** What a column or a parameter can hold. Integers are exact up to 2^53 − 1. */
export type SqlValue = string | number | null | Uint8Array;

/** Columns in the order of the SELECT. */
export type SqlRow = readonly SqlValue[];

/** One statement with `?` parameters: `rows` resolves to its rows, `run` to the number of rows it changed, `post` to nothing: an engine that answers later
 *  need not wait for it before the next step, as long as its failure fails the transaction. */
export interface SqlStep {
  readonly kind: 'rows' | 'run' | 'post';
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** Store logic that asks for statements one by one and does not know who runs them: an engine that answers at once runs it within one
 *  turn, one that answers later awaits each step. So the logic of every SQL engine is written once. */
export type Sql<Result> = Generator<SqlStep, Result, readonly SqlRow[] | number>;

/** All rows of a query. */
export function* rows(sql: string, ...values: readonly SqlValue[]): Sql<readonly SqlRow[]> {
  return (yield { kind: 'rows', sql, values }) as readonly SqlRow[];
}

/** The first row of a query, or undefined. */
export function* row(sql: string, ...values: readonly SqlValue[]): Sql<SqlRow | undefined> {
  return ((yield { kind: 'rows', sql, values }) as readonly SqlRow[])[0];
}

/** The first column of the first row, or undefined. */
export function* value(sql: string, ...values: readonly SqlValue[]): Sql<SqlValue | undefined> {
  return ((yield { kind: 'rows', sql, values }) as readonly SqlRow[])[0]?.[0];
}

/** The number of rows changed. */
export function* run(sql: string, ...values: readonly SqlValue[]): Sql<number> {
  return (yield { kind: 'run', sql, values }) as number;
}

/** Runs to the end within this turn. An error of a statement is thrown into the logic at that statement. */
export function runNow<Result>(work: Sql<Result>, execute: (step: SqlStep) => readonly SqlRow[] | number): Result {
  let state = work.next();
  while (!state.done) {
    let answer: readonly SqlRow[] | number;
    try {
      answer = execute(state.value);
    } catch (error) {
      state = work.throw(error);
      continue;
    }
    state = work.next(answer);
  }
  return state.value;
}

/** The same for engines that answer later. */
export async function runLater<Result>(
  work: Sql<Result>,
  execute: (step: SqlStep) => Promise<readonly SqlRow[] | number>,
): Promise<Result> {
  let state = work.next();
  while (!state.done) {
    let answer: readonly SqlRow[] | number;
    try {
      answer = await execute(state.value);
    } catch (error) {
      state = work.throw(error);
      continue;
    }
    state = work.next(answer);
  }
  return state.value;
}
