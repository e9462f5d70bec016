import type { Schema } from './migrate.ts';

const version1 = `
CREATE TABLE box (id INTEGER PRIMARY KEY, workspace TEXT NOT NULL UNIQUE, last_batch INTEGER NOT NULL);
CREATE TABLE batch (box INTEGER NOT NULL REFERENCES box (id), batch INTEGER NOT NULL, PRIMARY KEY (box, batch)) WITHOUT ROWID;
CREATE TABLE item (
  id INTEGER PRIMARY KEY,
  box INTEGER NOT NULL REFERENCES box (id),
  batch INTEGER,
  tree TEXT NOT NULL,
  peer TEXT NOT NULL,
  counter INTEGER NOT NULL,
  body NOT NULL,
  code TEXT,
  at INTEGER
);
CREATE INDEX item_batch ON item (box, batch, id);
CREATE TABLE state (box INTEGER NOT NULL REFERENCES box (id), name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (box, name)) WITHOUT ROWID;
`;

/** What a client has not yet been told is safe. An item without a batch is in quarantine. */
export const outboxSchema: Schema = { name: 'outbox', applicationId: 0x53_70_4f_62, steps: [version1] };
