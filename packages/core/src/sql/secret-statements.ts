import { storedForm } from './log/body-text.ts';
import type { SqlValue } from './sql.ts';

/** The statements of a secret store, and how a value is kept. Where workspaces share the table, `$1` is the workspace, which the session adds. */
export interface SecretStatements {
  readonly stored: (value: Uint8Array) => SqlValue;
  readonly get: string;
  readonly all: string;
  /** Also of a tombstone. */
  readonly state: string;
  readonly write: string;
  readonly names: string;
  readonly drop: string;
}

/** In a database of the workspace's own. */
export const sqliteSecrets: SecretStatements = {
  stored: storedForm,
  get: 'SELECT value, version FROM secret WHERE name = ? AND value IS NOT NULL',
  all: 'SELECT name, value, version FROM secret WHERE value IS NOT NULL ORDER BY name',
  state: 'SELECT version, write_id, value IS NULL FROM secret WHERE name = ?',
  write: `INSERT INTO secret (name, value, version, write_id) VALUES (?, ?, ?, ?)
 ON CONFLICT (name) DO UPDATE SET value = excluded.value, version = excluded.version, write_id = excluded.write_id`,
  names: 'SELECT name FROM secret WHERE name > ? AND value IS NOT NULL ORDER BY name LIMIT ?',
  drop: 'DELETE FROM secret',
};

/** In a table that all workspaces share. */
export const postgresSecrets: SecretStatements = {
  stored: (value) => value,
  get: 'SELECT value, version FROM secret WHERE workspace = $1 AND name = $2 AND value IS NOT NULL',
  all: 'SELECT name, value, version FROM secret WHERE workspace = $1 AND value IS NOT NULL ORDER BY name',
  state: 'SELECT version, write_id, value IS NULL FROM secret WHERE workspace = $1 AND name = $2',
  write: `INSERT INTO secret (workspace, name, value, version, write_id) VALUES ($1, $2, $3, $4, $5)
 ON CONFLICT (workspace, name) DO UPDATE SET value = excluded.value, version = excluded.version, write_id = excluded.write_id`,
  names: 'SELECT name FROM secret WHERE workspace = $1 AND name > $2 AND value IS NOT NULL ORDER BY name LIMIT $3',
  drop: 'DELETE FROM secret WHERE workspace = $1',
};
