import { StoreError } from '@spacestore/core';

const form = /^"([\x21\x23-\x7e]*)"$/;

/** A blob's version as an HTTP entity tag. */
export function entityTag(version: string): string {
  return `"${encodeURIComponent(version)}"`;
}

/** The version a header names. Throws: invalid, unless it is exactly one strong tag of this server. */
export function versionOfTag(tag: string): string {
  const match = form.exec(tag.trim());
  try {
    if (match) return decodeURIComponent(match[1] as string);
  } catch (cause) {
    throw new StoreError('invalid', 'not an entity tag of this server', { cause });
  }
  throw new StoreError('invalid', 'If-Match takes one strong entity tag, If-None-Match one or *');
}

/** True if a list of entity tags (or `*`) names this one; for cache validation, where weak tags compare equal. */
export function tagListHas(list: string, tag: string): boolean {
  return list.split(',').some((item) => item.trim() === '*' || item.trim().replace(/^W\//, '') === tag);
}
