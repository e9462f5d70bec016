import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { OpRecord, OpStore, WorkspaceId } from '@spacestore/core';
import { memoryOpStore } from '@spacestore/core/memory';
import { opStoreSubject, type Subject } from '../src/subject.ts';

/** How a store that appends each call to a journal can break its word about disks. */
type Fault = 'none' | 'no fsync' | 'no fsync of the folder' | 'acknowledges before it writes' | 'a line for each record';

interface Line {
  readonly workspace: WorkspaceId;
  readonly records: readonly (Omit<OpRecord, 'body'> & { readonly body: string })[];
}

/** The smallest store with a disk: memory, and a journal that is read again on opening. Good for one handle. */
function journalStore(dir: string, fault: Fault): OpStore {
  const path = join(dir, 'journal');
  const memory = memoryOpStore();
  const loaded = load(path, memory);
  const fresh = !existsSync(path);
  const file = openSync(path, 'a', 0o600);
  if (fresh && fault !== 'no fsync of the folder') syncFolder(dir);
  let closed = false;
  const late = new Set<NodeJS.Timeout>();
  const write = (lines: readonly Line[]): void => {
    for (const line of lines) writeSync(file, `${JSON.stringify(line)}\n`);
    if (fault !== 'no fsync') fsyncSync(file);
  };
  return {
    ...memory,
    capabilities: { ...memory.capabilities, durable: 'power', multiHandle: false, fence: false, snapshot: false },
    append: async (workspace, records, options, call) => {
      await loaded;
      const result = await memory.append(workspace, records, options, call);
      const plain = records.map((record) => ({ ...record, body: Buffer.from(record.body).toString('base64') }));
      if (fault === 'a line for each record') write(plain.map((record) => ({ workspace, records: [record] })));
      else if (fault === 'acknowledges before it writes') late.add(setTimeout(() => write([{ workspace, records: plain }]), 20));
      else write([{ workspace, records: plain }]);
      return result;
    },
    read: async (...args) => loaded.then(() => memory.read(...args)),
    head: async (...args) => loaded.then(() => memory.head(...args)),
    close: async () => {
      await loaded;
      if (closed) return;
      closed = true;
      await memory.close();
      for (const timer of late) clearTimeout(timer);
      closeSync(file);
    },
  };
}

async function load(path: string, memory: OpStore): Promise<void> {
  if (!existsSync(path)) return;
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1); // a torn last line was never acknowledged
  for (const line of lines) {
    const { workspace, records } = JSON.parse(line) as Line;
    await memory.append(
      workspace,
      records.map((record) => ({ ...record, body: Uint8Array.from(Buffer.from(record.body, 'base64')) })),
    );
  }
}

function syncFolder(dir: string): void {
  const folder = openSync(dir, 'r');
  fsyncSync(folder);
  closeSync(folder);
}

export const subjects: readonly Subject<'op-store'>[] = (
  ['none', 'no fsync', 'no fsync of the folder', 'acknowledges before it writes', 'a line for each record'] as const
).map((fault) =>
  opStoreSubject({
    name: fault,
    setup: async (scope) => ({ dir: await scope.tempDir() }),
    open: ({ dir }) => journalStore(dir, fault),
    module: import.meta.url,
  }),
);
