import { hasCode, type OpStore, parseWorkspaceId, type WorkspaceId } from '@spacestore/core';
import { memoryOpStore } from '@spacestore/core/memory';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { newUrl, op, openStores, readAllPages } from './kit.ts';

const clock = { now: () => 1234 };
const workspaces = ['a', 'b', 'c'].map(parseWorkspaceId);

/** A call: of which workspace, of which server, and its records. */
const call = fc.record({
  workspace: fc.constantFrom(...workspaces),
  server: fc.nat(1),
  ids: fc.array(fc.tuple(fc.constantFrom('p', 'q'), fc.nat(12), fc.constantFrom('t', 'u'), fc.nat(9)), { minLength: 1, maxLength: 12 }),
  ifEpoch: fc.option(fc.nat(2), { nil: undefined, freq: 5 }),
});

async function verdict(
  store: OpStore,
  { workspace, ids, ifEpoch }: typeof call extends fc.Arbitrary<infer Call> ? Call : never,
): Promise<unknown> {
  // One in ten bodies differs from what the id had before.
  const records = ids.map(([peer, counter, tree, odd]) => op(peer, counter, `${peer}${counter}${odd === 0 ? '!' : ''}`, tree));
  try {
    const { added, committedAt } = await store.append(workspace, records, ifEpoch === undefined ? {} : { ifEpoch });
    return { added, committedAt };
  } catch (error) {
    if (hasCode(error, 'equivocation', 'denied', 'not_found')) return [error.code, error.context.ids];
    throw error;
  }
}

const contentOf = async (store: OpStore, workspace: WorkspaceId): Promise<unknown> => ({
  records: await readAllPages(store, { limit: 7 }, workspace),
  vector: (await store.vector(workspace, { limit: 1000 })).vector,
  head: await store.head(workspace).then((head) => head && [head.position, head.bytes, head.maxCounter, head.epoch]),
});

test('turns of calls to several workspaces, from two servers, have the outcomes of a store in memory', async () => {
  const url = await newUrl();
  const servers = [openStores(url, { clock }), openStores(url, { clock })];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(call, { minLength: 1, maxLength: 8 }), { minLength: 1, maxLength: 8, size: 'max' }),
      async (turns) => {
        const model = memoryOpStore({ clock });
        for (const turn of turns) {
          // Calls of one server and turn are judged in their order; those of the other server wait for the next turn.
          for (const server of [0, 1]) {
            const mine = turn.filter((one) => one.server === server);
            const ours = await Promise.all(mine.map((one) => verdict((servers[server] as (typeof servers)[number]).ops, one)));
            const theirs = await Promise.all(mine.map((one) => verdict(model, one)));
            expect(ours).toEqual(theirs);
          }
        }
        for (const workspace of workspaces) {
          expect(await contentOf((servers[0] as (typeof servers)[number]).ops, workspace)).toEqual(await contentOf(model, workspace));
          expect(await servers[1]?.verifyWorkspace(workspace).then((report) => report?.problems ?? [])).toEqual([]);
          await servers[0]?.ops.drop(workspace);
        }
      },
    ),
    { seed: 20260403, numRuns: 30 },
  );
});

test('two servers that write the same workspaces at the same time leave dense positions and lose nothing', async () => {
  const url = await newUrl();
  const servers = [openStores(url), openStores(url), openStores(url)];
  const results = await Promise.all(
    servers.flatMap(({ ops }, server) =>
      Array.from({ length: 40 }, async (_, n) => {
        const workspace = workspaces[n % 3] as WorkspaceId;
        return { workspace, server, n, ...(await ops.append(workspace, [op(`p${server}`, n), op(`p${server}`, n + 1000)])) };
      }),
    ),
  );
  expect(results.every(({ added }) => added === 2)).toBe(true);
  for (const workspace of workspaces) {
    const records = await readAllPages((servers[0] as (typeof servers)[number]).ops, { limit: 50 }, workspace);
    const mine = results.filter((one) => one.workspace === workspace);
    expect(records.map(({ position }) => position)).toEqual(Array.from({ length: mine.length * 2 }, (_, i) => i + 1));
    for (const { server, n, committedAt } of mine)
      expect(records.slice(committedAt - 2, committedAt).map(({ peer, counter }) => `${peer}/${counter}`)).toEqual([
        `p${server}/${n}`,
        `p${server}/${n + 1000}`,
      ]);
    expect((await servers[1]?.verifyWorkspace(workspace))?.problems).toEqual([]);
  }
});
