import { type BlobKey, parseBlobKey } from '../blob-key.ts';
import { checkFileEntry, checkFileReplacement, judgeFileReplacement, patchFileEntry } from '../check-files.ts';
import { checkListQuery } from '../check-queries.ts';
import type { FileEntry, FileIndex } from '../contracts/file-index.ts';
import { StoreError } from '../errors.ts';
import { parseWorkspaceId } from '../ids.ts';
import { createLifetime } from '../lifetime.ts';
import { pageOf } from '../paging.ts';
import type { SqlWorkspaces } from './database.ts';
import { type FileStatements, sqliteFiles } from './file-statements.ts';
import { row, rows, run, type Sql, type SqlRow } from './sql.ts';

/** What a workspace's files are, in its database. */
export function sqlFileIndex(workspaces: SqlWorkspaces, statements: FileStatements = sqliteFiles): FileIndex {
  const lifetime = createLifetime();
  return {
    put: (workspace, entry, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        const checked = checkFileEntry(entry);
        await workspaces.write(id, true, () => writeEntry(statements, checked));
      }),

    replace: (workspace, key, given, wanted, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        const parsed = parseBlobKey(key);
        const { from, to } = checkFileReplacement(parsed, given, wanted);
        const done = await workspaces.write(id, to !== undefined, function* () {
          if (judgeFileReplacement(parsed, yield* readEntry(statements, parsed), from, to) === 'write')
            yield* to ? writeEntry(statements, to) : run(statements.delete, parsed);
          return true;
        });
        if (!done) judgeFileReplacement(parsed, undefined, from, to); // no workspace, no entry
      }),

    get: (workspace, key, call) =>
      lifetime.run(call, () => {
        const parsed = parseBlobKey(key);
        return workspaces.read(parseWorkspaceId(workspace), () => readEntry(statements, parsed));
      }),

    patch: (workspace, key, patch, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        const parsed = parseBlobKey(key);
        const patched = await workspaces.write(id, false, function* () {
          const present = yield* readEntry(statements, parsed);
          if (!present) return undefined;
          const entry = patchFileEntry(present, patch);
          yield* writeEntry(statements, entry);
          return entry;
        });
        if (!patched) throw new StoreError('not_found', 'there is no such file', { context: { key: parsed } });
        return patched;
      }),

    list: (workspace, { kind, state, ...query }, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        const { after = '', limit } = checkListQuery(query, parseBlobKey);
        // '0' is the character after '/': the range of keys that begin with the kind.
        const [first, end] = kind === undefined ? ['', '~'] : [`${kind}/`, `${kind}0`];
        const found = await workspaces.read(id, () => rows(statements.list, after, first, end, state ?? null, state ?? null, limit + 1));
        return pageOf((found ?? []).map(entryOf), limit, (entry) => entry.key);
      }),

    delete: (workspace, key, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        const parsed = parseBlobKey(key);
        await workspaces.write(id, false, () => run(statements.delete, parsed));
      }),

    drop: (workspace, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        await workspaces.write(id, false, () => run(statements.drop));
        await workspaces.tidy(id);
      }),

    close: () => lifetime.close(() => workspaces.release()),
  };
}

function* readEntry({ get }: FileStatements, key: BlobKey): Sql<FileEntry | undefined> {
  const found = yield* row(get, key);
  return found && entryOf(found);
}

function writeEntry({ write }: FileStatements, { key, mimeType, name, sizeBytes, createdAt, state }: FileEntry): Sql<number> {
  return run(write, key, mimeType ?? null, name ?? null, sizeBytes, createdAt, state);
}

function entryOf([key, mimeType, name, sizeBytes, createdAt, state]: SqlRow): FileEntry {
  return {
    key: key as BlobKey,
    sizeBytes: sizeBytes as number,
    createdAt: createdAt as number,
    state: state as FileEntry['state'],
    ...optional('mimeType', mimeType as string | null),
    ...optional('name', name as string | null),
  };
}

function optional<Name extends string>(name: Name, value: string | null | undefined): { readonly [K in Name]?: string } {
  return value === null || value === undefined ? {} : ({ [name]: value } as { readonly [K in Name]: string });
}
