import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type CorpusCase, loadCorpus } from '../check/corpus.ts';

/** The corpus that comes with the kit: `corpus` beside `src`, or beside `dist` in the package. */
export async function loadDefaultCorpus(): Promise<readonly CorpusCase[]> {
  const places = ['../../corpus/', '../corpus/'].map((path) => fileURLToPath(new URL(path, import.meta.url)));
  const dir = places.find((path) => existsSync(path));
  return dir === undefined ? [] : await loadCorpus(dir);
}
