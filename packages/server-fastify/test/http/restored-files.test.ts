import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sqliteStores } from '@spacestore/adapter-sqlite';
import { expect, it } from 'vitest';
import { expectStatus, hashOf, withWorkspace } from '../support/harness.ts';

it('a restore counts the files of the backup, and ends its unfinished uploads', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'spacestore-restored-'));
  const { ops, secrets, files, directory } = sqliteStores({ dir });
  const { call, server } = await withWorkspace({ ops, secrets, files, directory });
  try {
    const put = (text: string) => expectStatus(call('editor', 'PUT', `/workspaces/w1/files/static/${hashOf(text)}`, { body: text }), 201);
    await put('before');
    await expectStatus(call('editor', 'POST', `/workspaces/w1/files/static/${hashOf('granted')}/upload`, { json: { sizeBytes: 7 } }), 201);
    const backup = (await expectStatus(call('owner', 'GET', '/workspaces/w1/backup'), 200)).rawPayload;
    await put('after the backup');
    expect((await call('owner', 'GET', '/workspaces/w1/usage')).json()).toMatchObject({ files: 3, fileBytes: 29 });
    await expectStatus(call('owner', 'POST', '/workspaces/w1/restore', { body: backup }), 200);
    expect((await call('owner', 'GET', '/workspaces/w1/usage')).json()).toMatchObject({ files: 1, fileBytes: 6 });
    expect((await call('viewer', 'GET', '/workspaces/w1/files')).json()).toMatchObject({ items: [{ id: hashOf('before') }] });
    await put('after the backup');
    expect((await call('owner', 'GET', '/workspaces/w1/usage')).json()).toMatchObject({ files: 2, fileBytes: 22 });
  } finally {
    await server.close();
    await rm(dir, { recursive: true, force: true });
  }
});
