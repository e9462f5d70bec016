import { type BlobKey, type BlobRoot, blobFolder, blobPath, idOfKey, keyOfBlobPath, kindOfKey, parseBlobRoot } from '@spacestore/core';

/** Names of objects. What waits to be committed lies apart, under a name no root can have: `<prefix>.incoming/<root>/<kind>-<id>/<size>-<uuid>`,
 *  so that one rule of a bucket's life cycle covers all of it, and nothing else. */
export interface Paths {
  readonly blob: (root: BlobRoot, key: BlobKey) => string;
  /** All blobs of a kind, by prefix; among them may lie what is no blob of this root. */
  readonly folder: (root: BlobRoot, kind: 'static' | 'var') => string;
  readonly keyAt: (root: BlobRoot, path: string) => BlobKey | undefined;
  readonly incoming: (root: BlobRoot, key: BlobKey, name: string) => string;
  readonly incomingFolder: (root: BlobRoot) => string;
  readonly allIncoming: string;
  /** Whether an object waits there for this very root: roots may lie in one another. */
  readonly isIncoming: (root: BlobRoot, path: string) => boolean;
  /** Whether a name is that of a blob of any root. */
  readonly isBlob: (path: string) => boolean;
  readonly probes: string;
}

const anyBlob = /^(.+)\/(files\/(?:static|var)\/[0-9a-f]{2}\/[0-9a-f]+)$/;
const anyIncoming = /^(?:static|var)-[0-9a-f]+\/\d+-[0-9a-f-]{36}$/;

export function createPaths(prefix: string): Paths {
  const allIncoming = `${prefix}.incoming/`;
  const incomingFolder = (root: BlobRoot): string => `${allIncoming}${root}/`;
  return {
    blob: (root, key) => `${prefix}${root}/${blobPath('object', key)}`,
    folder: (root, kind) => `${prefix}${root}/${blobFolder('object', kind)}/`,
    keyAt: (root, path) => keyOfBlobPath('object', path.slice(prefix.length + root.length + 1)),
    incoming: (root, key, name) => `${incomingFolder(root)}${kindOfKey(key)}-${idOfKey(key)}/${name}`,
    incomingFolder,
    allIncoming,
    isIncoming: (root, path) => anyIncoming.test(path.slice(incomingFolder(root).length)),
    isBlob: (path) => {
      const [, root, rest] = (path.startsWith(prefix) && anyBlob.exec(path.slice(prefix.length))) || [];
      return root !== undefined && rest !== undefined && keyOfBlobPath('object', rest) !== undefined && isRoot(root);
    },
    probes: `${prefix}.probe/`,
  };
}

function isRoot(text: string): boolean {
  try {
    parseBlobRoot(text);
    return true;
  } catch {
    return false;
  }
}
