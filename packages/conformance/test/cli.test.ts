import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const program = fileURLToPath(new URL('../src/run/cli.ts', import.meta.url));
const broken = 'packages/conformance/test/broken/forgetful.subject.ts';

async function run(...args: readonly string[]): Promise<{ readonly code: number | null; readonly out: string; readonly errors: string }> {
  const child = spawn(process.execPath, ['--conditions=@spacestore/source', program, ...args], { cwd: root });
  let [out, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, out, errors };
}

describe('the command', () => {
  it('prints one object with --json, and ends with 0 where every law held', async () => {
    const { code, out } = await run('memory', '--law', 'OP-01,OP-20', '--seed', '5', '--json');
    const report = JSON.parse(out) as { subjects: readonly { subject: string; laws: readonly Record<string, unknown>[] }[] };
    const laws = report.subjects.find(({ subject }) => subject === 'memory')?.laws ?? [];
    expect(laws.map(({ law, verdict }) => [law, verdict])).toEqual([
      ['OP-01', 'pass'],
      ['OP-20', 'pass'],
    ]);
    for (const law of laws)
      expect(law).toMatchObject({
        runs: expect.any(Number),
        seconds: expect.any(Number),
        seed: expect.any(Number),
        coverage: expect.any(Object),
      });
    expect(code).toBe(0);
  });

  it('ends with 1 where a law was broken, and the token it prints breaks it again', async () => {
    const { code, out } = await run(broken, '--law', 'OP-01', '--seed', '5');
    expect(code).toBe(1);
    const token = /--replay (\S+)/.exec(out)?.[1] as string;
    const again = await run(broken, '--law', 'OP-01', '--replay', token);
    expect(again.code).toBe(1);
    expect(again.out).toContain(token);
  });

  it('prints one command that breaks a law again, for a shell', async () => {
    const command = /replay: (npm run conformance -- .*)/.exec((await run(broken, '--law', 'OP-01', '--seed', '5')).out)?.[1] as string;
    const [words = ''] = command.split('npm run conformance -- ').slice(1);
    const args = execFileSync('sh', ['-c', `printf '%s\\n' ${words}`], { encoding: 'utf8' })
      .trimEnd()
      .split('\n');
    const again = await run(...args);
    expect(again.code).toBe(1);
    expect(again.out).toContain(command);
  });

  it('writes the same report in every form, whatever the verdict', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'forms-'));
    try {
      const files = ['--junit', '--markdown', '--html', '--badge'].flatMap((form) => [form, join(dir, 'new', `${form.slice(2)}.svg`)]);
      const { code } = await run(broken, '--law', 'OP-01', '--seed', '5', ...files);
      expect(code).toBe(1);
      for (const form of ['junit', 'markdown', 'html']) {
        const text = await readFile(join(dir, 'new', `${form}.svg`), 'utf8');
        expect([form, text.includes(`${broken} --law OP-01 --replay`)]).toEqual([form, true]);
      }
      expect(await readFile(join(dir, 'new/badge.svg'), 'utf8')).toContain('<svg');
      expect(JSON.parse(await readFile(join(dir, 'new/badge.json'), 'utf8'))).toMatchObject({ schemaVersion: 1, color: 'red' });
    } finally {
      await rm(dir, { recursive: true });
    }
  });

  it('counts what could not be run, and ends with 1 for it only under --require-all', async () => {
    const lax = await run('memory-blobs', '--law', 'BL-01,BL-20', '--seed', '5');
    expect(lax.out).toContain('not run');
    expect(lax.code).toBe(0);
    expect((await run('memory-blobs', '--law', 'BL-01,BL-20', '--seed', '5', '--require-all')).code).toBe(1);
  });

  it('ends with 1 where nothing was tried at all', async () => {
    expect((await run('memory-blobs', '--law', 'BL-20', '--seed', '5')).code).toBe(1);
  });

  it('ends with 2 and says how it is used where it can’t know what is meant', async () => {
    for (const args of [
      ['memory', '--law', 'OP-99'],
      ['nothing-of-that-name'],
      ['--profile', 'endless'],
      ['--replay', '1/0/0:0.1.0'],
      ['--wrong'],
    ]) {
      const { code, errors } = await run(...args);
      expect([args, code]).toEqual([args, 2]);
      expect(errors).toContain('spacestore-conformance [subject…]');
    }
  });

  it('lists subjects and laws without trying any', async () => {
    const { code, out } = await run('--list', '--json');
    const listed = JSON.parse(out) as { subjects: readonly { name: string }[]; laws: readonly { id: string; title: string }[] };
    expect(listed.subjects.map(({ name }) => name)).toContain('sqlite');
    expect(listed.subjects.map(({ name }) => name)).not.toContain('forgetful');
    expect(listed.laws.find(({ id }) => id === 'OP-20')?.title).toBeTruthy();
    expect(code).toBe(0);
  });
});
