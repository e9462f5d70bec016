import { type BlobKey, kindOfKey, parseBlobKey } from '../blob-key.ts';
import { checkFileEntry, checkFileReplacement, judgeFileReplacement, patchFileEntry } from '../check-files.ts';
import { checkListQuery } from '../check-queries.ts';
import type { FileEntry, FileIndex } from '../contracts/file-index.ts';
import { StoreError } from '../errors.ts';
import { getOrInsert } from '../get-or-insert.ts';
import { compareIds, parseWorkspaceId, type WorkspaceId } from '../ids.ts';
import { createLifetime } from '../lifetime.ts';
import { pageOf } from '../paging.ts';

/** What a memory file index keeps its entries in: a second index on the same place sees the same ones. */
export interface MemoryFilePlace {
  readonly files: Map<WorkspaceId, Map<BlobKey, FileEntry>>;
}

export function memoryFilePlace(): MemoryFilePlace {
  return { files: new Map() };
}

/** The files of workspaces in this process's memory: the executable form of the contract, and a double for tests. */
export function memoryFileIndex(options: { readonly place?: MemoryFilePlace } = {}): FileIndex {
  const { files } = options.place ?? memoryFilePlace();
  const lifetime = createLifetime();
  const filesOf = (workspace: WorkspaceId): Map<BlobKey, FileEntry> => files.get(parseWorkspaceId(workspace)) ?? new Map();
  return {
    put: (workspace, entry, call) =>
      lifetime.run(call, () => {
        const id = parseWorkspaceId(workspace);
        const checked = checkFileEntry(entry);
        getOrInsert(files, id, () => new Map<BlobKey, FileEntry>()).set(checked.key, checked);
      }),

    replace: (workspace, key, given, wanted, call) =>
      lifetime.run(call, () => {
        const id = parseWorkspaceId(workspace);
        const parsed = parseBlobKey(key);
        const { from, to } = checkFileReplacement(parsed, given, wanted);
        if (judgeFileReplacement(parsed, filesOf(id).get(parsed), from, to) === 'done') return;
        if (to) getOrInsert(files, id, () => new Map<BlobKey, FileEntry>()).set(parsed, to);
        else filesOf(id).delete(parsed);
      }),

    get: (workspace, key, call) =>
      lifetime.run(call, () => {
        const entry = filesOf(workspace).get(parseBlobKey(key));
        return entry && { ...entry };
      }),

    patch: (workspace, key, patch, call) =>
      lifetime.run(call, () => {
        const entries = filesOf(workspace);
        const entry = entries.get(parseBlobKey(key));
        if (!entry) throw new StoreError('not_found', 'there is no such file', { context: { key } });
        const patched = patchFileEntry(entry, patch);
        entries.set(key, patched);
        return { ...patched };
      }),

    list: (workspace, { kind, state, ...query }, call) =>
      lifetime.run(call, () => {
        const { after, limit } = checkListQuery(query, parseBlobKey);
        const wanted = [...filesOf(workspace).values()].filter(
          (entry) =>
            (after === undefined || entry.key > after) &&
            (kind === undefined || kindOfKey(entry.key) === kind) &&
            (state === undefined || entry.state === state),
        );
        const sorted = wanted.sort((a, b) => compareIds(a.key, b.key)).slice(0, limit + 1);
        return pageOf(
          sorted.map((entry) => ({ ...entry })),
          limit,
          (entry) => entry.key,
        );
      }),

    delete: (workspace, key, call) =>
      lifetime.run(call, () => {
        filesOf(workspace).delete(parseBlobKey(key));
      }),

    drop: (workspace, call) =>
      lifetime.run(call, () => {
        files.delete(parseWorkspaceId(workspace));
      }),

    close: () => lifetime.close(),
  };
}
