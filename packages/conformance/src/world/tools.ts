import { spawnSync } from 'node:child_process';
import type { SubjectKind } from '../spec/kind.ts';
import type { Subject } from '../subject.ts';

/** What a law may need beyond the store itself. */
export type Tool = 'child process' | 'own disk' | 'raw bytes' | 'raw cells' | 'wrong key' | 'strace' | 'eatmydata' | 'open files';

const runs = (command: string, args: readonly string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** The tools this machine offers, whatever the subject. */
export function findTools(): ReadonlySet<Tool> {
  const found = new Set<Tool>();
  // A container may forbid ptrace although the program is there, so it is tried and not only looked for.
  if (runs('strace', ['-f', '-e', 'trace=none', 'true'])) found.add('strace');
  if (runs('eatmydata', ['true'])) found.add('eatmydata');
  if (process.platform === 'linux') found.add('open files');
  return found;
}

/** The tools a law can use with this subject. */
export function toolsFor<Kind extends SubjectKind>(machine: ReadonlySet<Tool>, subject: Subject<Kind>): ReadonlySet<Tool> {
  const tools = new Set(machine);
  if (subject.module !== undefined) tools.add('child process');
  if (subject.isElsewhere !== true) tools.add('own disk');
  if (subject.raw !== undefined) tools.add('raw bytes');
  if (subject.cells !== undefined) tools.add('raw cells');
  if (subject.wrongKey !== undefined) tools.add('wrong key');
  return tools;
}
