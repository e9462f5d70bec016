import { createReadStream } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';

const traced =
  'open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,fsync,fdatasync,sync_file_range,msync,sync,syncfs,rename,renameat,renameat2,link,linkat,unlink,unlinkat,mkdir,mkdirat';

/** The command that runs another under strace, with file names in place of descriptors. */
export const straceOf = (output: string): readonly string[] => [
  'strace',
  '-f',
  '-y',
  '-qq',
  '-s',
  '64',
  '-e',
  `trace=${traced}`,
  '-o',
  output,
  '--',
];

export interface SyncAudit {
  /** One line for each acknowledgement that came before what it stands on was forced to disk. */
  readonly problems: readonly string[];
  readonly acknowledgements: number;
  /** Files and folders that were forced to disk. */
  readonly synced: number;
}

/** Reads a trace and checks at each acknowledgement that every file written before it was synced since, and every folder in which an entry
 *  was made or renamed as well. Simulates nothing: a file the store forgets is found although the page cache hides it. */
export async function auditSyncs(trace: string, volatile: readonly RegExp[]): Promise<SyncAudit> {
  const state = {
    dirty: new Map<string, string>(),
    folders: new Map<string, string>(),
    made: new Set<string>(),
    problems: [] as string[],
    acks: 0,
    synced: 0,
    syncedBefore: 0,
  };
  const unfinished = new Map<string, string>();
  const ignores = (path: string): boolean =>
    /^(pipe|socket|anon_inode|\/dev\/|\/proc\/|\/sys\/)/.test(path) || volatile.some((pattern) => pattern.test(path));
  for await (const line of createInterface({ input: createReadStream(trace) })) {
    const [, pid, text] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (pid === undefined || text === undefined) continue;
    const begun = /^(.*) <unfinished \.\.\.>$/.exec(text)?.[1];
    // An acknowledgement counts from its beginning, a sync only once it has returned.
    if (begun !== undefined) {
      unfinished.set(pid, begun);
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)?.[1];
    const call = resumed === undefined ? text : `${unfinished.get(pid) ?? ''}${resumed}`;
    if (resumed !== undefined) unfinished.delete(pid);
    apply(call, state, ignores);
  }
  return { problems: state.problems, acknowledgements: state.acks, synced: state.synced };
}

interface AuditState {
  readonly dirty: Map<string, string>;
  readonly folders: Map<string, string>;
  /** Entries made by an open: opening one again makes nothing. */
  readonly made: Set<string>;
  readonly problems: string[];
  acks: number;
  synced: number;
  /** `synced` at the last acknowledgement. */
  syncedBefore: number;
}

function apply(call: string, state: AuditState, ignores: (path: string) => boolean): void {
  const [, name = '', rest = ''] = /^(\w+)\((.*)$/.exec(call) ?? [];
  if (/= -1 E/.test(rest)) return;
  const file = /^\d+<([^>]*)>/.exec(rest)?.[1];
  const quoted = [...rest.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((match) => match[1] as string);
  const entry = (path: string | undefined): void => {
    if (path?.startsWith('/') && !ignores(path)) state.folders.set(dirname(path), `an entry ${path} made or renamed`);
  };
  switch (name) {
    case 'write':
    case 'pwrite64':
    case 'writev':
    case 'pwritev':
    case 'pwritev2':
    case 'ftruncate':
    case 'fallocate':
      if (name === 'write' && rest.startsWith('1<') && quoted[0]?.startsWith('ack ')) acknowledge(state, quoted[0] as string);
      else if (file?.startsWith('/') && !ignores(file) && !file.endsWith(' (deleted)')) state.dirty.set(file, name);
      return;
    case 'fsync':
    case 'fdatasync':
      if (file === undefined) return;
      state.synced += 1;
      state.dirty.delete(file);
      state.folders.delete(file);
      return;
    case 'sync':
    case 'syncfs':
      state.dirty.clear();
      state.folders.clear();
      return;
    case 'open':
    case 'openat':
    case 'creat':
      if (name === 'creat' || /O_CREAT/.test(rest)) {
        const path = createdPath(rest, quoted[0]);
        if (path === undefined || state.made.has(path)) return;
        state.made.add(path);
        entry(path);
      }
      return;
    case 'rename':
    case 'renameat':
    case 'renameat2':
    case 'link':
    case 'linkat':
    case 'mkdir':
    case 'mkdirat':
      entry(quoted.at(-1));
      return;
    case 'unlink':
    case 'unlinkat':
      if (quoted[0] === undefined) return;
      state.dirty.delete(quoted[0]);
      state.made.delete(quoted[0]);
      return;
    default:
  }
}

/** The path strace shows beside the descriptor an open returned, or the one it was given. */
function createdPath(rest: string, given: string | undefined): string | undefined {
  return /= \d+<([^>]*)>$/.exec(rest)?.[1] ?? given;
}

function acknowledge(state: AuditState, text: string): void {
  state.acks += 1;
  const ack = text.split(' ').slice(0, 2).join(' ');
  if (state.synced === state.syncedBefore) state.problems.push(`${ack}: nothing was forced to disk since the last acknowledgement`);
  state.syncedBefore = state.synced;
  for (const [path, how] of state.dirty) state.problems.push(`${ack}: ${path} was written (${how}) and not forced to disk`);
  for (const [path, why] of state.folders) state.problems.push(`${ack}: the folder ${path} was not forced to disk after ${why}`);
  state.dirty.clear();
  state.folders.clear();
}
