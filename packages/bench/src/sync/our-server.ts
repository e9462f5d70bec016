import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { sqliteStores } from '@spacestore/adapter-sqlite';
import { folderBlobStore } from '@spacestore/blob-fs';
import { parseUserId, systemClock } from '@spacestore/core';
import { attachSync, createServer, issueToken, jwtAuthenticator } from '@spacestore/server-fastify';
import { serveFigures } from './figures.ts';

/** The real server with its real checks, on SQLite and a folder; only the limits that count callers are raised. */
const dir = process.argv[2] as string;
const auth = { issuer: 'bench', audience: 'bench', clock: systemClock };
const secret = randomBytes(32);
const many = 1_000_000;
const { ops, files, secrets, directory } = sqliteStores({ dir });
const server = await createServer({
  ops,
  files,
  secrets,
  directory,
  blobs: await folderBlobStore({ dir: join(dir, 'blobs') }),
  auth: await jwtAuthenticator({ ...auth, key: { kind: 'secret', secret } }),
  sync: attachSync,
  limits: {
    requestsPerMinutePerAddress: many,
    requestsPerMinutePerUser: many,
    socketsPerAddress: many,
    socketsPerUser: many,
    sockets: many,
    workspacesPerOwner: many,
  },
});
const url = await server.listen();
const token = await issueToken({ ...auth, secret, user: parseUserId('bench'), expiresInSeconds: 3600 });
serveFigures(url, { token });
