import { parseSecretName, parseWorkspaceId, type SecretName, type WorkspaceId } from '@spacestore/core';
import { hostileBodies } from './bytes.ts';

/** Names that careless stores take for one another, or for something of their own. */
export const secretNames: readonly SecretName[] = [
  'a',
  'A',
  'a1',
  'a_1',
  'a-1',
  'aa',
  '1',
  '01',
  '1e0',
  'null',
  'undefined',
  'toString',
  'length',
  'hasOwnProperty',
  'value',
  'version',
  '-',
  '_',
  '--',
  'x'.repeat(127),
  'x'.repeat(128),
].map(parseSecretName);

/** What is no secret name. */
export const hostileNames: readonly unknown[] = [
  '',
  ' ',
  'a ',
  ' a',
  'a\n',
  'a\0',
  'a/b',
  '../a',
  'a.b',
  'a:b',
  "';--",
  '%',
  'a%',
  'é',
  '\uff41',
  'x'.repeat(129),
  '__proto__',
  'constructor',
  'prototype',
  undefined,
  null,
  1,
  ['a'],
  { toString: () => 'a' },
];

/** What is no workspace id. */
export const hostileWorkspaces: readonly unknown[] = [
  '',
  'W',
  'w ',
  'w/..',
  '../w',
  'w\0',
  '_w',
  '-w',
  'w%',
  'x'.repeat(65),
  '__proto__',
  undefined,
  null,
  7,
];

/** A value by number: hostile ones first. */
export const secretValue = (n: number): Uint8Array => (hostileBodies[n % hostileBodies.length] as Uint8Array).slice();

export const space = (name: string): WorkspaceId => parseWorkspaceId(name);

/** Bytes nobody else has: 32 of them, by seed and number. Source: xorshift32. */
export function canaryOf(seed: number, number: number): Uint8Array {
  let state = (seed ^ ((number + 1) * 0x9e3779b1)) | 1;
  return Uint8Array.from({ length: 32 }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 0xff;
  });
}
