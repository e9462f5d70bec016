import { StoreError } from './errors.ts';
import type { Brand } from './ids.ts';

/** `static/<64 hex digits>` or `var/<32 hex digits>`, lower case. */
export type BlobKey = Brand<string, 'BlobKey'>;
/** A relative path of 1 to 8 segments of `[A-Za-z0-9_-]{1,128}` joined by `/`: a workspace's own prefix. */
export type BlobRoot = Brand<string, 'BlobRoot'>;

export type BlobKind = 'static' | 'var';

const keyPattern = /^(?:static\/[0-9a-f]{64}|var\/[0-9a-f]{32})$/;
const rootPattern = /^[A-Za-z0-9_-]{1,128}(?:\/[A-Za-z0-9_-]{1,128}){0,7}$/;
const hashPattern = /^[0-9a-f]{64}$/;
const uuidPattern = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

/** Throws: invalid. */
export function parseBlobKey(value: unknown): BlobKey {
  if (typeof value === 'string' && keyPattern.test(value)) return value as BlobKey;
  throw new StoreError('invalid', 'a blob key is static/<sha256> or var/<uuid without dashes>, lower case');
}

/** Throws: invalid. */
export function parseBlobRoot(value: unknown): BlobRoot {
  if (typeof value === 'string' && rootPattern.test(value)) return value as BlobRoot;
  throw new StoreError('invalid', 'a blob root is 1 to 8 path segments of letters, digits, _ and -');
}

/** The key of immutable content. Throws: invalid, unless it is a lower-case hex sha256. */
export function staticKey(sha256Hex: string): BlobKey {
  if (!hashPattern.test(sha256Hex)) throw new StoreError('invalid', 'a sha256 is 64 lower-case hex digits');
  return `static/${sha256Hex}` as BlobKey;
}

/** The key of mutable content; dashes are stripped and letters lowered. Throws: invalid, unless it is a uuid. */
export function varKey(uuid: string): BlobKey {
  if (!uuidPattern.test(uuid)) throw new StoreError('invalid', 'a file id is a uuid, with or without dashes');
  return `var/${uuid.replaceAll('-', '').toLowerCase()}` as BlobKey;
}

export function kindOfKey(key: BlobKey): BlobKind {
  return key.startsWith('static/') ? 'static' : 'var';
}

/** The hash or uuid alone. */
export function idOfKey(key: BlobKey): string {
  return key.slice(key.indexOf('/') + 1);
}

/** How keys become paths. `object`: `files/static/aa/rest`; `sila`: `files/static/sha256/aa/rest`, as Sila's folders have it. */
export type BlobLayout = 'object' | 'sila';

const folders: Readonly<Record<BlobLayout, Readonly<Record<BlobKind, string>>>> = {
  object: { static: 'files/static', var: 'files/var' },
  sila: { static: 'files/static/sha256', var: 'files/var/uuid' },
};

/** The folder of a kind of key, below a root. */
export function blobFolder(layout: BlobLayout, kind: BlobKind): string {
  return folders[layout][kind];
}

/** The path of a key below its root. */
export function blobPath(layout: BlobLayout, key: BlobKey): string {
  const id = idOfKey(key);
  return `${folders[layout][kindOfKey(key)]}/${id.slice(0, 2)}/${id.slice(2)}`;
}

/** The key at a path below a root, or undefined for a path no key has. */
export function keyOfBlobPath(layout: BlobLayout, path: string): BlobKey | undefined {
  for (const kind of ['static', 'var'] as const) {
    const prefix = `${folders[layout][kind]}/`;
    if (!path.startsWith(prefix)) continue;
    const [first, rest, ...more] = path.slice(prefix.length).split('/');
    const key = `${kind}/${first}${rest}`;
    if (first?.length === 2 && rest !== undefined && more.length === 0 && keyPattern.test(key)) return key as BlobKey;
  }
  return undefined;
}
