export type { Folder } from '../folder.ts';
export type { GroupLimits, Schedule } from '../group-commit.ts';
export type { LogProblem, LogReport } from '../log/verify-log.ts';
export type { SqlRow, SqlValue } from '../sql.ts';
export type * from './engine.ts';
export { postgresError } from './postgres-errors.ts';
export * from './postgres-stores.ts';
