/** The statements of a file index. Where workspaces share the table, `$1` is the workspace, which the session adds. */
export interface FileStatements {
  readonly get: string;
  readonly write: string;
  /** After a key, in [first, end), in a state or (null, twice) in any. */
  readonly list: string;
  readonly delete: string;
  readonly drop: string;
}

const columns = 'key, mime_type, name, size, created_at, state';
const replaced = `mime_type = excluded.mime_type, name = excluded.name, size = excluded.size, created_at = excluded.created_at, state = excluded.state`;

/** In a database of the workspace's own. */
export const sqliteFiles: FileStatements = {
  get: `SELECT ${columns} FROM file WHERE key = ?`,
  write: `INSERT INTO file (${columns}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET ${replaced}`,
  list: `SELECT ${columns} FROM file WHERE key > ? AND key >= ? AND key < ? AND (? IS NULL OR state = ?) ORDER BY key LIMIT ?`,
  delete: 'DELETE FROM file WHERE key = ?',
  drop: 'DELETE FROM file',
};

/** In a table that all workspaces share. */
export const postgresFiles: FileStatements = {
  get: `SELECT ${columns} FROM file WHERE workspace = $1 AND key = $2`,
  write: `INSERT INTO file (workspace, ${columns}) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (workspace, key) DO UPDATE SET ${replaced}`,
  list: `SELECT ${columns} FROM file WHERE workspace = $1 AND key > $2 AND key >= $3 AND key < $4 AND ($5::text IS NULL OR state = $6) ORDER BY key LIMIT $7`,
  delete: 'DELETE FROM file WHERE workspace = $1 AND key = $2',
  drop: 'DELETE FROM file WHERE workspace = $1',
};
