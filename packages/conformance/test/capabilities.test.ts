import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { blobStoreSubject, type Subject } from '@spacestore/conformance';
import { memoryBlobStore } from '@spacestore/core/memory';
import { describe, expect, it, onTestFinished } from 'vitest';
import { capabilityPage } from '../src/run/capabilities.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const page = join(root, 'docs/capabilities.md');

/** On another S3 server than the gateway the stores may claim something else. */
const elsewhere = process.env.SPACESTORE_TEST_S3_ENDPOINT !== undefined;

it.skipIf(elsewhere)(
  'docs/capabilities.md says what the stores claim, or `npm run capabilities` has to be run again',
  async () => {
    const dir = await mkdtemp(join(tmpdir(), 'spacestore-capabilities-'));
    onTestFinished(() => rm(dir, { recursive: true, force: true }));
    const copy = join(dir, 'capabilities.md');
    await copyFile(page, copy);
    const cli = join(root, 'packages/conformance/src/run/cli.ts');
    await promisify(execFile)(process.execPath, ['--conditions=@spacestore/source', cli, '--capabilities', copy], { cwd: root });
    expect(await readFile(copy, 'utf8')).toBe(await readFile(page, 'utf8'));
  },
  300_000, // an S3 gateway may have to be started for it
);

const subject = (name: string, maxBlobBytes: number, more: Partial<Subject<'blob-store'>> = {}): Subject<'blob-store'> => ({
  ...blobStoreSubject({ name, setup: () => ({}), open: () => memoryBlobStore({ maxBlobBytes }) }),
  ...more,
});

describe('a page of capabilities', () => {
  it('has a table a contract and a row a subject, in order of names, bytes in whole units', async () => {
    const made = await capabilityPage([subject('b', 3 * 1024 ** 2), subject('a', 1025)]);
    expect(made.split('\n').filter((line) => !line.startsWith('|---'))).toEqual([
      '# Capabilities',
      '',
      '## BlobStore',
      '',
      '|  | `durable` | `multiHandle` | `multiProcess` | `contentType` | `presign` | `boundUploads` | `maxUploadBytes` | `maxBlobBytes` |',
      '| a | none | yes | no | yes | no | no | 0 | 1,025 |',
      '| b | none | yes | no | yes | no | no | 0 | 3 MiB |',
      '',
    ]);
  });

  it('keeps what stands before the tables, and the row of a subject that can’t be opened here', async () => {
    const earlier = (await capabilityPage([subject('a', 7), subject('b', 8)])).replace('# Capabilities', '# Mine\n\nOf my own.');
    const open = () => expect.unreachable();
    const made = await capabilityPage(
      [subject('a', 9), subject('b', 0, { missing: 'no server here', open }), subject('c', 9, { missing: 'none', open })],
      earlier,
    );
    expect(made).toBe(earlier.replace(' 7 |', ' 9 |'));
  });
});
