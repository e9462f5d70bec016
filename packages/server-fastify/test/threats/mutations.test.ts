import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { MutationReport } from './mutation-target.ts';

const child = fileURLToPath(new URL('./mutations.child.ts', import.meta.url));

/** What is thrown at the server in all, half of it frames and half HTTP bodies; CI sets 100000. */
const count = Number(process.env.SPACESTORE_MUTATIONS ?? 2000) / 2;
const controlCount = Math.min(count, 10_000);

/** A process of its own: its heap holds nothing but the server and who talks to it. */
function run(what: 'frames' | 'bodies', how: 'mutated' | 'control', size: number): Promise<MutationReport> {
  const execArgv = ['--conditions=@spacestore/source', '--expose-gc'];
  const running = fork(child, [what, how, String(size)], { execArgv, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
  let errors = '';
  running.stderr?.on('data', (text: Buffer) => {
    errors = (errors + text.toString()).slice(-4000);
  });
  return new Promise((resolve, reject) => {
    let report: MutationReport | undefined;
    running.once('message', (message) => {
      report = message as MutationReport;
    });
    running.once('exit', (code, signal) => {
      if (code === 0 && report !== undefined) resolve(report);
      else reject(new Error(`the server's process ended with ${code ?? signal}: ${errors}`));
    });
  });
}

describe.each(['frames', 'bodies'] as const)('mutated %s', (what) => {
  it(`${count} of them leave the server up, serving others, its heap as flat as good ones do`, { timeout: 900_000 }, async () => {
    const control = await run(what, 'control', controlCount);
    const report = await run(what, 'mutated', count);
    // Good input moves the heap too while code is compiled and caches fill. After its own warming up bad input must not move it as much,
    // however much of it comes.
    const heap = report.heap.slice(Math.floor(report.heap.length / 4));
    expect((heap.at(-1) as number) - (heap[0] as number)).toBeLessThan(Math.max(...control.heap) - Math.min(...control.heap));
    if (what === 'frames') expect(report.answers.connections).toBeGreaterThan(count / 100);
    else expect(report.answers[400]).toBeGreaterThan(count / 2);
  });
});
