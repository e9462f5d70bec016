import { existsSync, globSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { SubjectKind } from '../spec/kind.ts';
import type { AnySubject, Subject } from '../subject.ts';

/** Where a test file that calls `conformance.opStore` hands its subjects while a child process, and no test runner, loads it. */
const collecting: unique symbol = Symbol.for('spacestore.conformance.collecting') as never;
type Collector = { [collecting]?: AnySubject[] };

/** Takes a subject if a child process is collecting; tells whether it did. */
export function collectSubject<Kind extends SubjectKind>(subject: Subject<Kind>): boolean {
  const list = (globalThis as Collector)[collecting];
  list?.push(subject as unknown as AnySubject);
  return list !== undefined;
}

/** The subjects a module names: its export `subjects` or `default`, one or several, and those its conformance calls hand over. */
export async function loadSubjects(module: string): Promise<readonly AnySubject[]> {
  const called: AnySubject[] = [];
  (globalThis as Collector)[collecting] = called;
  try {
    const exported = (await import(module)) as { readonly subjects?: unknown; readonly default?: unknown };
    const named = [exported.subjects, exported.default].flat().filter(isSubject);
    return [...new Set([...named, ...called])];
  } finally {
    delete (globalThis as Collector)[collecting];
  }
}

const isSubject = (value: unknown): value is AnySubject =>
  typeof value === 'object' && value !== null && 'kind' in value && 'name' in value && 'setup' in value && 'open' in value;

/** The files meant by words on the command line: a path as it is, anything else a part of the name of one of `packages/<name>/test/<file>.subject.ts`;
 *  no word means all of these. A word that meets no file may still name a subject. */
export function findSubjectFiles(
  words: readonly string[],
  root: string,
): { readonly files: readonly string[]; readonly names: readonly string[] } {
  const all = globSync('packages/*/test/*.subject.ts', { cwd: root })
    .sort()
    .map((file) => resolve(root, file));
  if (words.length === 0) return { files: all, names: [] };
  const files = new Set<string>();
  const names: string[] = [];
  for (const word of words) {
    const path = resolve(root, word);
    if (/\.[cm]?[jt]s$/.test(word) && existsSync(path)) files.add(path);
    else {
      names.push(word);
      const near = all.filter((file) => basename(file).startsWith(`${word}.`));
      for (const file of near.length > 0 ? near : all) files.add(file);
    }
  }
  return { files: [...files], names };
}

export const fileUrl = (path: string): string => pathToFileURL(path).href;
