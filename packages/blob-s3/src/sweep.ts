import type { BlobRoot } from '@spacestore/core';
import type { Connection } from './connection.ts';
import { abortUploads, deleteObjects, type ListedObject, listObjects } from './list-objects.ts';
import type { Paths } from './paths.ts';

/** Removes what crashed or given up uploads left before `before` (milliseconds since 1970); touches nothing that is no blob's. */
export async function sweep(connection: Connection, paths: Paths, before: number): Promise<void> {
  await abortUploads(connection, connection.prefix, (path, begunAt) => begunAt < before && paths.isBlob(path));
  const old = (object: ListedObject): boolean => object.modifiedAt < before;
  await deleteObjects(connection, pathsOf(listObjects(connection, paths.allIncoming), old));
  await deleteObjects(connection, pathsOf(listObjects(connection, paths.probes), old));
}

/** Removes every blob of a root, and every upload to it. */
export async function dropRoot(connection: Connection, paths: Paths, root: BlobRoot): Promise<void> {
  for (const kind of ['static', 'var'] as const) {
    const folder = paths.folder(root, kind);
    await abortUploads(connection, folder, (path) => paths.keyAt(root, path) !== undefined);
    await deleteObjects(
      connection,
      pathsOf(listObjects(connection, folder), ({ path }) => paths.keyAt(root, path) !== undefined),
    );
  }
  await deleteObjects(
    connection,
    pathsOf(listObjects(connection, paths.incomingFolder(root)), ({ path }) => paths.isIncoming(root, path)),
  );
}

async function* pathsOf(objects: AsyncIterable<ListedObject>, wanted: (object: ListedObject) => boolean): AsyncGenerator<string> {
  for await (const object of objects) if (wanted(object)) yield object.path;
}
