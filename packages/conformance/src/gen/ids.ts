import type { PeerId, TreeId, WorkspaceId } from '@spacestore/core';

const long = (last: string): string => `${'x'.repeat(127)}${last}`;

/** Ids within the grammar that a careless store takes for one another: by case, by prefix, by number, by wildcard, by glue, by an object's own keys. */
export const confusableNames: readonly string[] = [
  'a', 'A', 'b', 'a1', 'a-', 'a_', 'ab', '1', '01', '1e0', '1-0', '10', '9', '-1', '0',
  'toString', 'length', 'valueOf', 'hasOwnProperty', '__defineGetter__', '__proto', 'null', 'undefined', 'NaN', 'true',
  long('y'), long('z'), 'a-b', 'b-c', 'a-b-c', 'a_b', 'aXb', 'I', 'i', 'ss', 'SS', 'K', 'k', '_', '-', '__',
]; // biome-ignore format: one pool, not one column

/** The pool by number: small numbers are the plain ones, so that shrunk cases read well. */
export const treeId = (n: number): TreeId => confusableNames[n % confusableNames.length] as TreeId;
export const peerId = (n: number): PeerId => confusableNames[n % confusableNames.length] as PeerId;

/** Names that differ from one only by what careless stores ignore. */
export function confusablesOf(name: string): readonly string[] {
  const swapped = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
  const near = [
    swapped,
    `${name}1`,
    `${name}-`,
    `${name}_`,
    `_${name}`,
    `0${name}`,
    name.replace(/.$/, '_'),
    name.slice(0, -1),
    name.replace('-', '_'),
  ];
  return near.filter((one) => one !== name && /^[A-Za-z0-9_-]{1,128}$/.test(one));
}

/** Values that are no id of any kind; each must be refused as it is, never folded, cut, trimmed or normalised into one. */
export const notIds: readonly unknown[] = [
  '', ' ', 'a ', ' a', 'a\n', '\ta', 'a\0', 'a\0b', 'a b', 'a/b', 'a\\b', '../a', '..', '.', 'a.b', 'a:b', 'a;--', "a'", 'a"', 'a`', '$' + '{a}', '%61', 'a%', '*', 'a?',
  'é', 'e\u0301', '\uff41', 'ß', 'İ', 'ı', '\u212a', '\u202ea', '\ufeffa', 'a\u200b', '\ud800', 'a\udc00', '💾', 'x'.repeat(129), 'x'.repeat(1000),
  '__proto__', 'constructor', 'prototype', null, undefined, 0, 1, Number.NaN, true, {}, [], ['a'], Symbol.iterator, new String('a'),
]; // biome-ignore format: one pool, not one column

/** Workspaces are lower case, because file systems fold. */
export const notWorkspaceIds: readonly unknown[] = [
  ...notIds,
  'A',
  'aB',
  'S',
  '_a',
  '-a',
  'x'.repeat(65),
  'CON',
  'a'.repeat(64).concat('b'),
];

/** Workspaces beside one another, by prefix and wildcard. */
export const siblingsOf = (workspace: string): readonly WorkspaceId[] =>
  [`${workspace}2`, `${workspace}_`, `${workspace}-`, `${workspace}-x`, workspace.slice(0, -1), `${workspace.slice(0, -1)}_`]
    .filter((name) => name.length > 0)
    .map((name) => name as WorkspaceId);

/** Counters where number types end. */
export const boundaryCounters: readonly number[] = [
  0,
  1,
  255,
  256,
  32_767,
  32_768,
  65_535,
  65_536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 40,
  2 ** 53 - 2,
  2 ** 53 - 1,
];

/** Values that are no counter. */
export const notCounters: readonly unknown[] = [
  -1,
  0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 53,
  -(2 ** 53),
  1e300,
  '1',
  '',
  null,
  undefined,
  1n,
  {},
  [1],
  true,
];
