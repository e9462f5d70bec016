import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = new URL('../../../', import.meta.url);

async function blocks(): Promise<string[]> {
  const readme = await readFile(new URL('README.md', root), 'utf8');
  const fenced = [...readme.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, text]) => ({
    language,
    text: (text as string).trimEnd(),
  }));
  return fenced.filter(({ language }) => language !== 'sh').map(({ text }) => text);
}

test('the example of the README is the one in examples/, and prints what the README says', async () => {
  const [code, output] = await blocks();
  const file = new URL('examples/embed.ts', root);
  expect(code).toBe((await readFile(file, 'utf8')).trimEnd());
  const dir = await mkdtemp(join(tmpdir(), 'spacestore-readme-'));
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=@spacestore/source', fileURLToPath(file), dir]);
    expect(stdout.trimEnd()).toBe(output);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test('the README stays within 120 lines', async () => {
  expect((await readFile(new URL('README.md', root), 'utf8')).split('\n').length).toBeLessThanOrEqual(121);
});
