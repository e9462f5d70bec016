import type { OpRecord, StateVector } from '@spacestore/core';
import { idOf, sameBytes } from '../model/op-store.ts';
import { LawBroken } from './broken.ts';
import { show } from './expect.ts';

const shortName = (name: string): string => (name.length > 24 ? `${name.slice(0, 4)}…${name.slice(-4)}(${name.length})` : name);

/** Records in words: `a/b:0..2 a/c:5`, those that follow one another as one range. */
export function words(records: readonly Pick<OpRecord, 'tree' | 'peer' | 'counter'>[]): string {
  const ranges: { name: string; first: number; last: number }[] = [];
  for (const { tree, peer, counter } of records) {
    const name = `${shortName(tree)}/${shortName(peer)}`;
    const last = ranges.at(-1);
    if (last && last.name === name && counter === last.last + 1) last.last = counter;
    else ranges.push({ name, first: counter, last: counter });
  }
  const text = ranges.map(({ name, first, last }) => (first === last ? `${name}:${first}` : `${name}:${first}..${last}`));
  if (text.length === 0) return '(nothing)';
  return text.length > 40 ? `${text.slice(0, 40).join(' ')} … (${records.length} records)` : text.join(' ');
}

/** A vector in words. */
export function vectorWords(vector: StateVector): string {
  const parts = [...vector].flatMap(([tree, peers]) =>
    [...peers].map(
      ([peer, ranges]) => `${shortName(tree)}/${shortName(peer)}:${ranges.map(([first, last]) => `${first}..${last}`).join(',')}`,
    ),
  );
  return `{${parts.join(' ')}}`;
}

/** Throws unless both are the same records in the same order, with the same bytes and, where both have them, positions. */
export function sameRecords(
  actual: readonly (OpRecord & { readonly position?: number })[],
  expected: readonly (OpRecord & { readonly position?: number })[],
  what: string,
): void {
  const wrong = actual.length !== expected.length || actual.some((record, i) => idOf(record) !== idOf(expected[i] as OpRecord));
  if (wrong) throw new LawBroken(`${what}: expected ${words(expected)}\n${' '.repeat(what.length)}  got      ${words(actual)}`);
  actual.forEach((record, i) => {
    const other = expected[i] as OpRecord & { readonly position?: number };
    const isBytes = record.body instanceof Uint8Array;
    if (!isBytes || !sameBytes(record.body, other.body))
      throw new LawBroken(`${what}: body of ${words([record])}: expected ${show(other.body)}, got ${show(record.body)}`);
    if (record.position !== undefined && other.position !== undefined && record.position !== other.position)
      throw new LawBroken(`${what}: position of ${words([record])}: expected ${other.position}, got ${record.position}`);
  });
}

/** Throws unless both are the same records, whatever the order. */
export function sameSet(actual: readonly OpRecord[], expected: readonly OpRecord[], what: string): void {
  const byId = (a: OpRecord, b: OpRecord): number => (idOf(a) < idOf(b) ? -1 : 1);
  const bare = ({ tree, peer, counter, body }: OpRecord): OpRecord => ({ tree, peer, counter, body });
  sameRecords([...actual].sort(byId).map(bare), [...expected].sort(byId).map(bare), what);
}
