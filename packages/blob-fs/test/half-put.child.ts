// Puts half a blob and then waits to be killed.
import { folderBlobStore } from '@spacestore/blob-fs';
import { parseBlobRoot } from '@spacestore/core';
import { bytesOf, fileKey } from './streams.ts';

const store = await folderBlobStore({ dir: process.argv[2] ?? '' });
await store.put(parseBlobRoot('ada/notes'), fileKey(1), {
  open: async function* () {
    yield bytesOf(100_000);
    process.send?.('half');
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  },
});
