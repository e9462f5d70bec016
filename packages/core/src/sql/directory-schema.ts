import type { Schema } from './migrate.ts';

const version1 = `
CREATE TABLE workspace (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  owner TEXT NOT NULL,
  codec TEXT NOT NULL,
  blob_root TEXT NOT NULL,
  relay INTEGER NOT NULL,
  app TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  file_bytes INTEGER NOT NULL DEFAULT 0,
  files INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX workspace_owner ON workspace (owner);
CREATE TABLE member (
  workspace TEXT NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  member TEXT NOT NULL,
  role TEXT NOT NULL,
  PRIMARY KEY (workspace, member)
);
CREATE INDEX member_of ON member (member, workspace);
CREATE TABLE peer (
  workspace TEXT NOT NULL REFERENCES workspace (id) ON DELETE CASCADE,
  peer TEXT NOT NULL,
  bound_to TEXT NOT NULL,
  PRIMARY KEY (workspace, peer)
);
CREATE INDEX peer_of ON peer (workspace, bound_to);
CREATE TABLE removed_workspace (
  id TEXT PRIMARY KEY,
  epoch INTEGER NOT NULL
);
CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  workspace TEXT,
  actor TEXT,
  action TEXT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT NOT NULL,
  hash TEXT NOT NULL
);
CREATE INDEX audit_of ON audit (workspace, sequence);
`;

/** Which workspaces there are, who may do what in them, and who did what. */
export const directorySchema: Schema = { name: 'directory', applicationId: 0x53_70_44_69, steps: [version1] };
