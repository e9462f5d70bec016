import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A case that failed once, kept to be tried first for ever. The value itself is kept, because a seed means nothing to a changed generator. */
export interface CorpusCase {
  readonly law: string;
  /** Which check of the law: they are counted from 0. */
  readonly check: number;
  readonly value: unknown;
  /** What it found, and where. */
  readonly note: string;
}

/** Every case of a folder of JSON files, each a list; none if there is no folder. */
export async function loadCorpus(dir: string): Promise<readonly CorpusCase[]> {
  const files = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const lists = await Promise.all(
    files
      .filter((file) => file.endsWith('.json'))
      .sort()
      .map(async (file) => JSON.parse(await readFile(join(dir, file), 'utf8')) as readonly CorpusCase[]),
  );
  return lists.flat();
}
