import { sqliteStores } from '@spacestore/adapter-sqlite';
import { folderBlobStore } from '@spacestore/blob-fs';
import { systemClock } from '@spacestore/core';
import { keyRing, layered, retry, seal } from '@spacestore/core/layers';
import { attachSync, createServer, jwtAuthenticator, keyFile } from '@spacestore/server-fastify';

const [dir = './data', port = '8787'] = process.argv.slice(2);
const { ops, secrets, files, directory } = sqliteStores({ dir: `${dir}/workspaces` });

const server = await createServer({
  ops: layered(ops, [retry('OpStore')]),
  secrets: layered(secrets, [retry('SecretStore'), seal({ keys: keyRing([await keyFile(`${dir}/seal.key`)]) })]),
  files,
  directory,
  blobs: await folderBlobStore({ dir: `${dir}/blobs` }),
  auth: await jwtAuthenticator({
    key: { kind: 'secret', secret: await keyFile(`${dir}/token.key`) },
    issuer: 'my-app',
    audience: 'spacestore',
    clock: systemClock,
  }),
  sync: attachSync,
});
console.log(await server.listen({ port: Number(port) }));
process.once('SIGTERM', () => void server.close());
