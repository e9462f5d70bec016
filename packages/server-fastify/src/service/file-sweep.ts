import {
  type BlobKey,
  type CallOptions,
  type Cursor,
  codecs,
  eachItem,
  type FileEntry,
  hasCode,
  kindOfKey,
  StoreError,
} from '@spacestore/core';
import type { Activity } from './activity.ts';
import { type FileRemovalParts, fileRemoval } from './file-removal.ts';
import type { Gate } from './gate.ts';
import type { Grant } from './grant.ts';
import type { ServiceParts } from './stores.ts';

export interface SweepOptions {
  /** Milliseconds a file is left alone after its last upload, so that the operation that refers to it may come. */
  readonly graceMs: number;
  /** Without it nothing is removed, only told. */
  readonly remove: boolean;
  /** Records looked at so far. */
  readonly onRecords?: (count: number) => void;
}

export interface Swept {
  /** Files older than the grace that no operation refers to, with bytes that no file has. */
  readonly unused: number;
  readonly unusedBytes: number;
  readonly removed: number;
  readonly removedBytes: number;
  /** The first of them. */
  readonly keys: readonly BlobKey[];
  readonly records: number;
}

/** Removes files that nothing refers to: marked by a pass over the log, swept after a grace. */
export interface FileSweep {
  /** Throws: unsupported, in a workspace whose operations the server can't read. */
  readonly sweep: (grant: Grant, options: SweepOptions, call?: CallOptions) => Promise<Swept>;
}

export interface FileSweepParts extends FileRemovalParts, Pick<ServiceParts, 'ops' | 'directory'> {
  readonly gate: Gate;
  readonly activity: Activity;
}

/** What may go: an entry, or bytes that no entry names. */
interface Candidate {
  readonly entry: FileEntry | 'none';
  readonly sizeBytes: number;
}

const pageRecords = 5000;
const toldKeys = 100;

export function fileSweep(parts: FileSweepParts): FileSweep {
  const { ops, blobs, files: index, directory, clock, gate, activity } = parts;
  const removal = fileRemoval(parts);

  /** Entries and blobs both come in byte order of their keys. What is being uploaded or removed has an entry, and is nobody's candidate. */
  const oldFiles = async (
    { workspace, entry: { blobRoot } }: Grant,
    before: number,
    call: CallOptions,
  ): Promise<Map<BlobKey, Candidate>> => {
    const found = new Map<BlobKey, Candidate>();
    const stored = eachItem((query) => blobs.list(blobRoot, query, call));
    let blob = await stored.next();
    const takeLoose = async (until: BlobKey | undefined): Promise<void> => {
      while (!blob.done && (until === undefined || blob.value.key < until)) {
        const { key, sizeBytes, modifiedAt } = blob.value;
        if (modifiedAt < before) found.set(key, { entry: 'none', sizeBytes });
        blob = await stored.next();
      }
    };
    for await (const entry of eachItem((query) => index.list(workspace, query, call))) {
      await takeLoose(entry.key);
      if (!blob.done && blob.value.key === entry.key) blob = await stored.next();
      if (entry.state === 'ready' && entry.createdAt < before) found.set(entry.key, { entry, sizeBytes: entry.sizeBytes });
    }
    await takeLoose(undefined);
    return found;
  };

  /** Takes those out that the log names after a place. Resolves with where it ended. */
  const keepMentioned = async (
    { workspace, entry: { codec } }: Grant,
    candidates: Map<BlobKey, unknown>,
    after: Cursor | undefined,
    onRecords: ((count: number) => void) | undefined,
    call: CallOptions,
  ): Promise<Cursor | undefined> => {
    const mentioned = codecs[codec].mentionedFiles;
    if (!mentioned)
      throw new StoreError('unsupported', 'the operations of this workspace are opaque: which files they refer to can’t be seen');
    let through = after;
    let query: Parameters<typeof ops.read>[1] | undefined = { limit: pageRecords, ...(after && { after }) };
    while (query !== undefined) {
      const page: Awaited<ReturnType<typeof ops.read>> = await ops.read(workspace, query, call);
      for (const { body } of page.records) for (const key of mentioned(body, candidates)) candidates.delete(key);
      onRecords?.(page.records.length);
      through = page.through;
      query = page.next;
    }
    return through;
  };

  return {
    sweep: async (grant, { graceMs, remove, onRecords }, call) => {
      await gate.require(grant, 'files.delete');
      return activity.run(grant.workspace, call?.signal, async (signal) => {
        let records = 0;
        const count = (more: number): void => {
          records += more;
          onRecords?.(more);
        };
        const candidates = await oldFiles(grant, clock.now() - graceMs, { signal });
        let through = await keepMentioned(grant, candidates, undefined, count, { signal });
        const unusedBytes = [...candidates.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        const told = { unused: candidates.size, unusedBytes, keys: [...candidates.keys()].slice(0, toldKeys) };
        if (!remove) return { ...told, removed: 0, removedBytes: 0, records };

        let [removed, removedBytes] = [0, 0];
        /** An operation that came since may refer to it. What comes later was made without looking whether the file is there. */
        const stillUnused = async (key: BlobKey): Promise<boolean> => {
          through = await keepMentioned(grant, candidates, through, count, { signal });
          return candidates.has(key);
        };
        for (const [key, { entry, sizeBytes }] of candidates) {
          // A mutable file may be replaced at any moment: only what was unused goes.
          const version = kindOfKey(key) === 'var' ? (await blobs.head(grant.entry.blobRoot, key, { signal }))?.version : undefined;
          const options = { only: entry, confirm: () => stillUnused(key), ...(version !== undefined && { ifMatch: version }) };
          const gone = await removal.remove(grant, key, options, { signal }).catch((error: unknown) => {
            if (hasCode(error, 'conflict')) return false; // replaced just now
            throw error;
          });
          if (!gone) continue;
          removed++;
          removedBytes += sizeBytes;
        }
        const detail = { removed, removedBytes, graceMs };
        await directory.audit({ workspace: grant.workspace, user: grant.user, action: 'files.sweep', outcome: 'done', detail });
        return { ...told, removed, removedBytes, records };
      });
    },
  };
}
