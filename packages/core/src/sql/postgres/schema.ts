/** Partitions of the records. Each is vacuumed and indexed by itself; the hash of the workspace says which. */
const partitions = 16;

/** The workspaces of the running transaction, which every statement names anyway: a statement that forgot its own condition finds nothing of others.
 *  The subquery makes PostgreSQL look once a statement, and not once a row. Workspace ids have no comma. */
const isBound = "workspace = ANY ((SELECT string_to_array(current_setting('spacestore.workspaces', true), ','))::text[])";
const isAll = "(SELECT current_setting('spacestore.workspaces', true)) = '*'";

/** Text compares byte by byte, as ids do everywhere. */
const id = 'text COLLATE "C" NOT NULL';

const secured = (table: string): string => `
ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
CREATE POLICY bound ON ${table} USING (${isBound});`;

/** Version 1. All workspaces share the tables. A tree and a peer together have one small integer, a pair; `record_id` holds everything a state
 *  vector or a difference needs, so that neither touches a body. Bodies are bytes: jsonb and text refuse NUL. */
const version1 = `
CREATE TABLE head (
  workspace ${id} PRIMARY KEY,
  incarnation text NOT NULL,
  lineage text NOT NULL,
  position bigint NOT NULL,
  received_at bigint NOT NULL,
  epoch bigint NOT NULL,
  bytes bigint NOT NULL,
  max_counter bigint NOT NULL,
  pairs integer NOT NULL,
  chain bytea NOT NULL,
  digest bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE pair (
  workspace ${id},
  id integer NOT NULL,
  tree ${id},
  peer ${id},
  PRIMARY KEY (workspace, id)
);
CREATE UNIQUE INDEX pair_name ON pair (workspace, tree, peer) INCLUDE (id);

CREATE TABLE record (
  workspace ${id},
  position bigint NOT NULL,
  pair integer NOT NULL,
  counter bigint NOT NULL,
  received_at bigint NOT NULL,
  digest bigint NOT NULL,
  via text,
  body bytea NOT NULL,
  PRIMARY KEY (workspace, position)
) PARTITION BY HASH (workspace);
CREATE UNIQUE INDEX record_id ON record (workspace, pair, counter) INCLUDE (position);
${Array.from({ length: partitions }, (_, n) => `CREATE TABLE record_${n} PARTITION OF record FOR VALUES WITH (MODULUS ${partitions}, REMAINDER ${n});`).join('\n')}

CREATE TABLE chain (
  workspace ${id},
  position bigint NOT NULL,
  chain bytea NOT NULL,
  PRIMARY KEY (workspace, position)
);

CREATE TABLE secret (
  workspace ${id},
  name ${id},
  value bytea,
  version bigint NOT NULL,
  write_id text NOT NULL,
  PRIMARY KEY (workspace, name)
);

CREATE TABLE file (
  workspace ${id},
  key ${id},
  mime_type text,
  name text,
  size bigint NOT NULL,
  created_at bigint NOT NULL,
  state text NOT NULL,
  PRIMARY KEY (workspace, key)
);
CREATE POLICY listed ON head FOR SELECT USING (${isAll});
${['head', 'pair', 'record', 'chain', 'secret', 'file'].map((table) => secured(table)).join('')}

CREATE TABLE workspace (
  id ${id} PRIMARY KEY,
  name text NOT NULL,
  owner ${id},
  codec text NOT NULL,
  blob_root text NOT NULL,
  relay integer NOT NULL,
  app text NOT NULL,
  epoch bigint NOT NULL,
  created_at bigint NOT NULL,
  state text NOT NULL,
  file_bytes bigint NOT NULL DEFAULT 0,
  files bigint NOT NULL DEFAULT 0
);
CREATE INDEX workspace_owner ON workspace (owner);
CREATE TABLE member (
  workspace ${id} REFERENCES workspace (id) ON DELETE CASCADE,
  member ${id},
  role text NOT NULL,
  PRIMARY KEY (workspace, member)
);
CREATE INDEX member_of ON member (member, workspace);
CREATE TABLE peer (
  workspace ${id} REFERENCES workspace (id) ON DELETE CASCADE,
  peer ${id},
  bound_to ${id},
  PRIMARY KEY (workspace, peer)
);
CREATE INDEX peer_of ON peer (workspace, bound_to);
CREATE TABLE removed_workspace (
  id ${id} PRIMARY KEY,
  epoch bigint NOT NULL
);
CREATE TABLE audit (
  sequence bigint PRIMARY KEY,
  at bigint NOT NULL,
  workspace text COLLATE "C",
  actor text,
  action text NOT NULL,
  outcome text NOT NULL,
  detail text NOT NULL,
  hash text NOT NULL
);
CREATE INDEX audit_of ON audit (workspace, sequence);
`;

/** Step n lifts a schema of version n to n + 1. */
export const postgresSteps: readonly string[] = [version1];
