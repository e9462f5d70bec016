import { type BlobKey, parseBlobKey } from './blob-key.ts';
import type { FileEntry, FilePatch, FileState } from './contracts/file-index.ts';
import { StoreError } from './errors.ts';

const states: ReadonlySet<FileState> = new Set(['pending', 'ready', 'deleting']);

/** A copy, without fields that are undefined. Throws: invalid. */
export function checkFileEntry({ key, mimeType, name, sizeBytes, createdAt, state }: FileEntry): FileEntry {
  for (const text of [mimeType, name])
    if (text !== undefined && (typeof text !== 'string' || text.length > 1024 || /[\p{Surrogate}\0]/u.test(text)))
      throw new StoreError('invalid', 'a name or type of a file is text of at most 1024 characters, without NUL');
  for (const count of [sizeBytes, createdAt])
    if (!Number.isSafeInteger(count) || count < 0) throw new StoreError('invalid', 'sizes and times of a file are integers from 0');
  if (!states.has(state)) throw new StoreError('invalid', 'the state of a file is pending, ready or deleting');
  return {
    key: parseBlobKey(key),
    sizeBytes,
    createdAt,
    state,
    ...(mimeType === undefined ? {} : { mimeType }),
    ...(name === undefined ? {} : { name }),
  };
}

/** The entry with a patch applied: `null` removes a field, `undefined` leaves it. Throws: invalid. */
export function patchFileEntry(entry: FileEntry, patch: FilePatch): FileEntry {
  const { mimeType = entry.mimeType, name = entry.name } = patch;
  const { key, sizeBytes, createdAt, state } = entry;
  return checkFileEntry({
    key,
    sizeBytes,
    createdAt,
    state,
    ...(mimeType === undefined || mimeType === null ? {} : { mimeType }),
    ...(name === undefined || name === null ? {} : { name }),
  });
}

/** Both checked. Throws: invalid, if one is of another key. */
export function checkFileReplacement(
  key: BlobKey,
  from: FileEntry | undefined,
  to: FileEntry | undefined,
): { readonly from: FileEntry | undefined; readonly to: FileEntry | undefined } {
  for (const entry of [from, to])
    if (entry && entry.key !== key) throw new StoreError('invalid', 'the entry is of another key', { context: { key, found: entry.key } });
  return { from: from && checkFileEntry(from), to: to && checkFileEntry(to) };
}

/** Whether a replacement has anything to write. Throws: conflict, if the present entry is neither what it starts from nor what it makes. */
export function judgeFileReplacement(
  key: BlobKey,
  present: FileEntry | undefined,
  from: FileEntry | undefined,
  to: FileEntry | undefined,
): 'write' | 'done' {
  if (sameEntry(present, to)) return 'done';
  if (sameEntry(present, from)) return 'write';
  throw new StoreError('conflict', 'the file is another one now', { context: { key, state: present?.state ?? 'none' } });
}

function sameEntry(a: FileEntry | undefined, b: FileEntry | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (['key', 'mimeType', 'name', 'sizeBytes', 'createdAt', 'state'] as const).every((field) => a[field] === b[field]);
}
