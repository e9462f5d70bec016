import { randomBytes } from 'node:crypto';
import { isStoreError, type OpStore, type WorkspaceId } from '@spacestore/core';
import fc from 'fast-check';
import { LawBroken, LawUndecided } from '../../check/broken.ts';
import { holds, nameOf, same, settle } from '../../check/expect.ts';
import { sameRecords, vectorWords } from '../../check/words.ts';
import { bodyOf } from '../../gen/bytes.ts';
import { pick } from '../../gen/steps.ts';
import type { LogModel } from '../../model/op-store.ts';
import type { LawContext } from '../../run/context.ts';
import type { Law } from '../../spec/law.ts';
import { damageFile, filesWith, type RawFile } from '../../world/raw.ts';
import { plainRecord } from './append.ts';
import { claims, opLaw } from './define.ts';
import { readAll, wholeVector } from './reading.ts';
import { sortedVector } from './scene.ts';

type Room = Awaited<ReturnType<LawContext<'op-store'>['room']>>;

const rawOf = async (context: LawContext<'op-store'>, room: Room): Promise<readonly RawFile[]> =>
  (await context.subject.raw?.(room.place, context.scope)) ?? [];

/** A scan of bytes that nobody can read finds nothing, whatever is there. */
const readableOf = async (context: LawContext<'op-store'>, room: Room): Promise<readonly RawFile[]> =>
  context.subject.readable ? await context.subject.readable(room.place, context.scope) : await rawOf(context, room);

const gone = opLaw('OP-44-raw', {
  needs: claims('secureDelete'),
  tools: ['raw bytes'],
  run: (context) =>
    context.check(
      fc.tuple(fc.integer({ min: 1, max: 40 }), fc.boolean()),
      async ([count, reopen], run) => {
        const room = await context.room();
        const [dropped, kept] = [run.fresh('gone') as WorkspaceId, run.fresh('kept') as WorkspaceId];
        const [canary, other] = [randomBytes(24), randomBytes(24)]; // random, so that no case finds another's
        const records = (bytes: Uint8Array) =>
          Array.from({ length: count }, (_, i) => plainRecord(i, Uint8Array.from([...bytes, ...bodyOf(i)])));
        await room.store.append(dropped, records(canary));
        await room.store.append(kept, records(other));
        if (reopen) await room.reopen();
        if (filesWith(await readableOf(context, room), canary).length === 0)
          throw new LawUndecided('the scan does not find what is there: it proves nothing here');
        run.say(`drop    a workspace of ${count} records${reopen ? ', opened again before' : ''}`);
        await room.store.drop(dropped);
        const found = filesWith(await readableOf(context, room), canary);
        same(found, [], 'files that still hold what was dropped');
        same((await readAll(room.store, kept)).records.length, count, 'records of the other workspace');
        await room.store.close();
        same(filesWith(await readableOf(context, room), canary), [], 'files that still hold what was dropped, after a close');
      },
      { runs: 4 },
    ),
});

/** One way a disk changes a file. */
function damaged(bytes: Uint8Array, how: number, at: number): { readonly bytes: Uint8Array; readonly words: string } {
  const offset = at % bytes.length;
  const copy = Uint8Array.from(bytes);
  switch (how % 5) {
    case 0:
    case 1:
      copy[offset] = (copy[offset] as number) ^ (1 << (at % 8));
      return { bytes: copy, words: `bit ${at % 8} of byte ${offset} flipped` };
    case 2:
      return {
        bytes: copy.fill(0, offset - (offset % 512), offset - (offset % 512) + 512),
        words: `512 bytes from ${offset - (offset % 512)} zeroed`,
      };
    case 3:
      return { bytes: copy.slice(0, Math.max(1, offset)), words: `cut to ${Math.max(1, offset)} of ${bytes.length} bytes` };
    default:
      return { bytes: copy.copyWithin(offset, 0, 4096), words: `other bytes of the file written over ${offset}` };
  }
}

/** Throws if a store says anything that is not so. An error is an answer. */
async function truthful(store: OpStore, workspace: WorkspaceId, log: LogModel, noted: (error: unknown) => void): Promise<void> {
  const ask = async (what: () => Promise<void>): Promise<void> => {
    const outcome = await settle(what);
    if (outcome.ok) return;
    if (outcome.error instanceof LawBroken) throw outcome.error;
    holds(isStoreError(outcome.error), `damage shows as ${nameOf(outcome.error)}`);
    noted(outcome.error);
  };
  await ask(async () => sameRecords((await readAll(store, workspace)).records, log.records, 'read'));
  await ask(async () => sameRecords((await readAll(store, workspace, { missing: new Map() })).records, log.records, 'read({missing: {}})'));
  await ask(async () => {
    const trees = [...new Set(log.records.map((one) => one.tree))].slice(0, 1);
    sameRecords(
      (await readAll(store, workspace, { trees })).records,
      log.records.filter((one) => trees.includes(one.tree)),
      'read({trees})',
    );
  });
  await ask(async () => same(vectorWords(await wholeVector(store, workspace)), vectorWords(sortedVector(log.records)), 'vector'));
  await ask(async () => same((await store.head(workspace))?.records, log.records.length, 'head.records'));
}

const rotten = opLaw('OP-41', {
  needs: claims('integrity'),
  tools: ['raw bytes'],
  floors: { 'damage noticed': { count: 2 } },
  run: async (context) => {
    const room = await context.room();
    const [workspace, other] = ['rotten' as WorkspaceId, 'other' as WorkspaceId];
    const records = Array.from({ length: 120 }, (_, i) => plainRecord(i >> 2, bodyOf(i), `p${i % 4}`, `t${i % 3}`));
    await room.store.append(workspace, records.slice(0, 70));
    await room.store.append(workspace, records.slice(70));
    await room.store.append(other, records);
    const log: LogModel = { records: records.map((one, i) => ({ ...one, position: i + 1 })), epoch: 0 };
    await room.store.close();
    const files = await rawOf(context, room);
    // Damage to the file of one workspace, where there is one, must leave the other readable.
    const own = files.filter((file) => file.path.includes(workspace) && file.bytes.length > 0);
    if (own.length === 0) throw new LawUndecided('no file carries the workspace in its name, so none can be damaged alone');
    await context.check(
      fc.tuple(fc.nat(99), fc.nat(4), fc.nat(1_000_000)),
      async ([which, how, at], run) => {
        const file = pick(own, which) as RawFile;
        const change = damaged(file.bytes, how, at * 7919);
        run.say(`${file.path.split('/').at(-1)}: ${change.words}`);
        for (const one of files) await damageFile(one.path, one === file ? change.bytes : one.bytes);
        const opened = await settle(() => room.another());
        let noticed = false;
        if (opened.ok) {
          const note = (): void => {
            noticed = true;
          };
          await truthful(opened.value, workspace, log, note);
          sameRecords((await readAll(opened.value, other)).records, log.records, 'read of the other workspace');
          await settle(() => opened.value.close());
        } else {
          holds(isStoreError(opened.error), `damage shows as ${nameOf(opened.error)}`);
          noticed = true;
        }
        run.count('damage noticed', noticed);
      },
      { runs: 25, fullFactor: 20 },
    );
  },
});

/** What lies on the disk. */
export const atRestLaws: readonly Law<'op-store'>[] = [rotten, gone];
