import { parseBlobKey } from './blob-key.ts';
import type { FileEntry, FilePatch } from './contracts/file-index.ts';
import { StoreError } from './errors.ts';

/** A copy, without fields that are undefined. Throws: invalid. */
export function checkFileEntry({ key, mimeType, name, sizeBytes, createdAt, state }: FileEntry): FileEntry {
  for (const text of [mimeType, name])
    if (text !== undefined && (typeof text !== 'string' || text.length > 1024 || /\p{Surrogate}/u.test(text)))
      throw new StoreError('invalid', 'a name or type of a file is text of at most 1024 characters');
  for (const count of [sizeBytes, createdAt])
    if (!Number.isSafeInteger(count) || count < 0) throw new StoreError('invalid', 'sizes and times of a file are integers from 0');
  if (state !== 'pending' && state !== 'ready') throw new StoreError('invalid', 'the state of a file is pending or ready');
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
