import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import type { RawCells, RawFile } from '@spacestore/conformance';

interface Place {
  readonly connectionString: string;
  readonly container: string;
}

const containerOf = ({ connectionString, container }: Place): ContainerClient =>
  BlobServiceClient.fromConnectionString(connectionString).getContainerClient(container);

/** All that the owner of the container can get at: blobs, what snapshots and versions keep of them, and blocks nobody committed (of these only
 *  how many bytes they are). */
export async function everythingIn(place: Place): Promise<readonly RawFile[]> {
  const files: RawFile[] = [];
  const container = containerOf(place);
  const everything = { includeSnapshots: true, includeVersions: true, includeUncommitedBlobs: true };
  for await (const { name, snapshot = '', versionId = '', properties } of container.listBlobsFlat(everything)) {
    const blob = container.getBlockBlobClient(name);
    const { uncommittedBlocks = [] } = await blob.getBlockList('uncommitted');
    const staged = uncommittedBlocks.reduce((sum, { size }) => sum + size, 0);
    const one = versionId === '' ? blob.withSnapshot(snapshot) : blob.withVersion(versionId);
    const committed = properties.contentLength ? await one.downloadToBuffer() : new Uint8Array();
    files.push({ path: name, bytes: new Uint8Array(Buffer.concat([committed, new Uint8Array(staged)])) });
  }
  return files;
}

/** Blobs by name. Overwriting one leaves what stands beside it, as a tool would that copies bytes and metadata. */
export function blobsIn(place: Place): RawCells {
  const container = containerOf(place);
  return {
    read: async () => {
      const cells = new Map<string, Uint8Array>();
      for await (const { name, properties } of container.listBlobsFlat()) {
        const known = `${place.container}/${name} ${properties.etag}`;
        const bytes =
          seen.get(known) ?? (properties.contentLength ? await container.getBlobClient(name).downloadToBuffer() : new Uint8Array());
        seen.set(known, bytes);
        cells.set(name, bytes);
      }
      return cells;
    },
    write: async (name, bytes) => {
      const blob = container.getBlockBlobClient(name);
      const { metadata } = await blob.getProperties();
      await blob.upload(bytes, bytes.length, { ...(metadata && { metadata }) });
    },
  };
}

/** What was fetched once, by place and version: laws look at all cells after every change of one. */
const seen = new Map<string, Uint8Array>();
