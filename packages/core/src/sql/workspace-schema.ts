import { bodySql } from './log/row-data.ts';
import type { Schema } from './migrate.ts';

/** Version 1. Ids are interned into small integers; `record_id` finds a record by its id and holds everything a state vector or a difference needs,
 *  so that neither touches a record. The rest of a record is packed into one column (row-data.ts), so that a page of records is read as one value. */
const version1 = `
CREATE TABLE meta (only INTEGER PRIMARY KEY CHECK (only = 1), workspace TEXT NOT NULL, removed INTEGER NOT NULL DEFAULT 0, has_log INTEGER NOT NULL DEFAULT 0);

CREATE TABLE head (
  only INTEGER PRIMARY KEY CHECK (only = 1),
  incarnation TEXT NOT NULL,
  lineage TEXT NOT NULL,
  position INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  records INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  max_counter INTEGER NOT NULL,
  max_body INTEGER NOT NULL,
  name_sum INTEGER NOT NULL,
  id_sum INTEGER NOT NULL,
  chain BLOB NOT NULL,
  digest INTEGER NOT NULL
);
CREATE TABLE tree (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE peer (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE record (
  position INTEGER PRIMARY KEY,
  data BLOB NOT NULL
);
CREATE TABLE record_id (
  tree INTEGER NOT NULL,
  peer INTEGER NOT NULL,
  counter INTEGER NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (tree, peer, counter)
) WITHOUT ROWID;
CREATE TABLE chain (position INTEGER PRIMARY KEY, chain BLOB NOT NULL);

CREATE TABLE secret (
  name TEXT PRIMARY KEY,
  value,
  version INTEGER NOT NULL,
  write_id TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE file (
  key TEXT PRIMARY KEY,
  mime_type TEXT,
  name TEXT,
  size INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  state TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE spaces (
  id TEXT PRIMARY KEY,
  uri TEXT NOT NULL,
  name TEXT,
  created_at INTEGER NOT NULL,
  user_id TEXT,
  ttabs_layout TEXT,
  theme TEXT,
  color_scheme TEXT,
  drafts TEXT
);

CREATE VIEW tree_ops (clock, peer_id, tree_id, target_id, parent_id, key, value) AS
SELECT counter, peer, tree, body ->> 1,
  CASE body ->> 0 WHEN 'm' THEN body ->> 2 END,
  CASE body ->> 0 WHEN 'p' THEN body ->> 2 END,
  CASE body ->> 0 WHEN 'p' THEN body -> 3 END
FROM (
  SELECT counter, peer, tree,
    CASE WHEN substr(body, 1, 1) = x'5b' AND instr(body, x'00') = 0 THEN CASE WHEN json_valid(CAST(body AS TEXT)) THEN CAST(body AS TEXT) END END AS body
  FROM (
    SELECT i.counter AS counter, p.name AS peer, t.name AS tree, ${bodySql} AS body
    FROM record_id i JOIN record r ON r.position = i.position JOIN tree t ON t.id = i.tree JOIN peer p ON p.id = i.peer
  )
)
WHERE body ->> 0 IN ('m', 'p');

CREATE VIEW secrets (key, value) AS SELECT name, value FROM secret WHERE value IS NOT NULL;

CREATE VIEW file_metadata (hash, s3_key, mime_type, size, created_at) AS
SELECT substr(key, 8), 'files/static/' || substr(key, 8, 2) || '/' || substr(key, 10), mime_type, size, created_at
FROM file WHERE key >= 'static/' AND key < 'static0' AND state = 'ready';

CREATE VIEW mutable_file_metadata (uuid, s3_key, size, created_at) AS
SELECT substr(key, 5), 'files/var/' || substr(key, 5, 2) || '/' || substr(key, 7), size, created_at
FROM file WHERE key >= 'var/' AND key < 'var0' AND state = 'ready';
`;

/** The file of one workspace: its log, secrets and file index. */
export const workspaceSchema: Schema = { name: 'workspace', applicationId: 0x53_70_57_73, steps: [version1] };

/** Tables a snapshot carries, parents first. */
export const workspaceTables: readonly string[] = [
  'head',
  'tree',
  'peer',
  'author',
  'record',
  'record_id',
  'chain',
  'secret',
  'file',
  'spaces',
];
