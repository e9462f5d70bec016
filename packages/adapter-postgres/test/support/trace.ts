import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Whether this machine lets one process watch another. */
export const canTrace: boolean = spawnSync('strace', ['-f', '-e', 'trace=none', 'true'], { stdio: 'ignore' }).status === 0;

/** Attaches strace to a server and to every backend that begins later. Resolves once it is attached, with what ends it. */
export async function traceServer(dataDir: string, args: readonly string[]): Promise<() => Promise<void>> {
  const postmaster = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')[0] as string;
  const running = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').split(' ').filter(Boolean);
  const targets = [postmaster, ...running].flatMap((pid) => ['-p', pid]);
  const tracer = spawn('strace', ['-f', ...args, ...targets], { stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise<void>((resolve, reject) => {
    tracer.stderr.on('data', (text: Buffer) => {
      if (text.includes('attached')) resolve();
    });
    tracer.once('error', reject);
    tracer.once('exit', () => reject(new Error('strace could not attach')));
  });
  return async () => {
    if (tracer.exitCode !== null || tracer.signalCode !== null) return;
    const gone = new Promise((resolve) => tracer.once('close', resolve));
    tracer.kill('SIGINT');
    await gone;
  };
}
