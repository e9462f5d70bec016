import type { BlobKey, FileEntry, FileIndex, WorkspaceId } from '@spacestore/core';
import { hasCode } from '@spacestore/core';
import fc from 'fast-check';
import { holds, same } from '../../check/expect.ts';
import { space } from '../../gen/secret-store.ts';
import type { Law } from '../../spec/law.ts';
import { keyOfCase } from './scene.ts';

/** Bytes under keys, as plain as can be: whether they are there is all that matters. */
type Bytes = Set<BlobKey>;

/** One side's work, cut where the other may come in between. Ends with whether it came through. */
type Steps = AsyncGenerator<undefined, boolean, undefined>;

/** A file that nobody refers to is judged, marked, and removed, bytes first. */
async function* sweepOne(index: FileIndex, bytes: Bytes, workspace: WorkspaceId, judged: FileEntry): Steps {
  const marked: FileEntry = { ...judged, createdAt: 2_000, state: 'deleting' };
  yield;
  if (!(await replaced(index, workspace, judged, marked))) return false;
  yield;
  bytes.delete(judged.key);
  yield;
  await index.replace(workspace, judged.key, marked, undefined);
  return true;
}

/** The same file is sent again: its entry is made new before the bytes are looked at, and told as it is after them. */
async function* sendAgain(index: FileIndex, bytes: Bytes, workspace: WorkspaceId, key: BlobKey): Steps {
  const before = await index.get(workspace, key);
  if (before?.state === 'deleting') return false; // told to come again
  yield;
  const fresh: FileEntry = { key, sizeBytes: 4, createdAt: 3_000, state: before ? 'ready' : 'pending' };
  if (!(await replaced(index, workspace, before, fresh))) return false;
  yield;
  bytes.add(key);
  yield;
  return replaced(index, workspace, fresh, { ...fresh, state: 'ready', createdAt: 3_001 });
}

/** Goes on with one side, the other, or both at once, as the choices say, and then with both to their end. */
async function interleaved(sides: readonly [Steps, Steps], choices: readonly number[]): Promise<readonly boolean[]> {
  const ended: (boolean | undefined)[] = [undefined, undefined];
  const step = async (i: number): Promise<void> => {
    if (ended[i] !== undefined) return;
    const next = await (sides[i] as Steps).next();
    if (next.done) ended[i] = next.value;
  };
  for (const choice of choices) await Promise.all(choice === 2 ? [step(0), step(1)] : [step(choice)]);
  while (ended.includes(undefined)) await Promise.all([step(0), step(1)]);
  return ended as readonly boolean[];
}

async function replaced(index: FileIndex, workspace: WorkspaceId, from: FileEntry | undefined, to: FileEntry): Promise<boolean> {
  try {
    await index.replace(workspace, to.key, from, to);
    return true;
  } catch (error) {
    if (hasCode(error, 'conflict', 'busy')) return false;
    throw error;
  }
}

const sweepBesideUpload: Law<'file-index'> = {
  id: 'FI-03',
  kind: 'file-index',
  group: 'concurrency',
  title:
    'a sweep of an unused file and an upload of the same file at once, on two handles: an upload that succeeded has its bytes, and an entry without bytes is never ready',
  why: 'Whoever sends a picture again while the old one is swept away must not be told that it is there, and find nothing.',
  floors: { 'swept first': { count: 5 }, 'sent first': { count: 5 } },
  run: async (context) => {
    const room = await context.shared();
    const [first, second] = [room.store, await room.another()];
    await context.check(
      fc.array(fc.nat(2), { minLength: 8, maxLength: 8, size: 'max' }),
      async (choices, run) => {
        const [workspace, key] = [space('shared'), keyOfCase(run.fresh('k'))];
        const unused: FileEntry = { key, sizeBytes: 4, createdAt: 1_000, state: 'ready' };
        const bytes: Bytes = new Set([key]);
        await first.put(workspace, unused);
        run.say(`steps: ${choices.map((choice) => ['sweep', 'send', 'both'][choice]).join(', ')}`);
        const sides = [sweepOne(first, bytes, workspace, unused), sendAgain(second, bytes, workspace, key)] as const;
        const [swept = false, sent = false] = await interleaved(sides, choices);
        run.count('swept first', swept);
        run.count('sent first', sent && !swept);
        const entry = await first.get(workspace, key);
        same(entry?.state === 'ready', sent, 'whether the file is ready, beside whether its upload succeeded');
        if (entry?.state === 'ready') holds(bytes.has(key), 'a ready file without its bytes');
        holds(swept || sent, 'neither the sweep nor the upload came through');
      },
      { runs: 60 },
    );
  },
};

export const sweepLaws: readonly Law<'file-index'>[] = [sweepBesideUpload];
