import { join } from 'node:path';
import type { CounterRange, OpStore, PeerId, ReadQuery, StateVector, TreeId } from '@spacestore/core';
import { parseWorkspaceId } from '@spacestore/core';
import { openProposalStore, type ProposalStore } from '../baseline/proposal-sqlite.ts';
import { type Pattern, take, type WorkItem, workload } from '../data/workload.ts';
import { type BenchContext, measure, seconds, withFolder } from '../measure.ts';
import { openOps } from './open-ops.ts';

const workspace = parseWorkspaceId('bench');
const pageSize = 1000;

/** One large log in both stores, and what is needed to ask about it. */
interface Built {
  readonly dir: string;
  readonly ops: OpStore;
  readonly base: ProposalStore;
  readonly count: number;
  /** Per tree and peer: how many counters it has, from 0 on (a peer counts over all trees). */
  readonly vector: Map<TreeId, Map<PeerId, CounterRange[]>>;
  readonly holes: readonly Hole[];
  readonly thinTree: TreeId;
}

interface Hole {
  readonly tree: TreeId;
  readonly peer: PeerId;
  readonly first: number;
  readonly last: number;
}

const aims: Readonly<Record<Pattern, string>> = { hundreds: 'runs of 100', mixed: '20 peers mixed', singles: 'single operations' };

/** Reads of a log of a million records, for three ways it may have grown; the files are built once for all rounds. */
export async function millionSuite(context: BenchContext, count: number): Promise<void> {
  for (const pattern of ['hundreds', 'mixed', 'singles'] as const) {
    await withFolder(async (dir) => {
      context.note(`storage: building ${count.toLocaleString('en-US')} records (${aims[pattern]})`);
      const built = await build(dir, pattern, count);
      await reads(context, built, aims[pattern]);
      if (pattern === 'hundreds') await reopen(context, built);
      await built.ops.close();
      built.base.close();
    });
  }
}

async function build(dir: string, pattern: Pattern, count: number): Promise<Built> {
  const ops = openOps(dir);
  const base = openProposalStore(join(dir, 'baseline.db'));
  const source = workload({ pattern });
  const thin = workload({ seed: 7, peers: 2 });
  const counters = new Map<PeerId, number>();
  let tree: TreeId | undefined;
  let thinTree: TreeId | undefined;
  for (let done = 0; done < count; ) {
    const items: WorkItem[] = take(source, 1000);
    if (done % 50_000 === 0) items.push(...take(thin, 5));
    for (const { record } of items) {
      if (done === 0 && !tree) tree = record.tree;
      if (record.tree === tree) counters.set(record.peer, record.counter);
      else thinTree = record.tree;
    }
    if (pattern === 'singles') await Promise.all(items.map((item) => ops.append(workspace, [item.record])));
    else
      for (let at = 0; at < items.length; at += 100)
        await ops.append(
          workspace,
          items.slice(at, at + 100).map((item) => item.record),
        );
    base.append(items.map((item) => item.row));
    done += 1000;
  }
  const known = tree as TreeId;
  const peers = [...counters.keys()];
  const holes = peers.slice(0, 20).map((peer, n): Hole => {
    const last = counters.get(peer) as number;
    const first = Math.floor((last * (n + 1)) / 25);
    return { tree: known, peer, first, last: Math.min(last, first + 99) };
  });
  const vector = new Map([[known, new Map(peers.map((peer) => [peer, [[0, counters.get(peer) as number] as CounterRange]]))]]);
  return { dir, ops, base, count: base.count(), vector, holes, thinTree: thinTree as TreeId };
}

/** Everything but the holes, and everything of the thin tree. */
function withoutHoles(built: Built): StateVector {
  const result = new Map<TreeId, Map<PeerId, CounterRange[]>>();
  for (const [tree, peers] of built.vector) {
    const copy = new Map<PeerId, CounterRange[]>();
    for (const [peer, ranges] of peers) {
      const hole = built.holes.find((h) => h.peer === peer);
      const [, last] = ranges[0] as CounterRange;
      copy.set(
        peer,
        hole ? [[0, hole.first - 1] as CounterRange, [hole.last + 1, last] as CounterRange].filter(([a, b]) => a <= b) : ranges,
      );
    }
    result.set(tree, copy);
  }
  return result;
}

async function drain(ops: OpStore, query: ReadQuery): Promise<number> {
  let records = 0;
  for (let next: ReadQuery | undefined = query; next; ) {
    const page: Awaited<ReturnType<OpStore['read']>> = await ops.read(workspace, next);
    records += page.records.length;
    next = page.next;
  }
  return records;
}

async function reads(context: BenchContext, built: Built, how: string): Promise<void> {
  const { ops, base, holes, thinTree } = built;
  const tree = [...built.vector.keys()][0] as TreeId;
  await measure(
    context,
    { suite: 'storage', name: `read all of 1M by cursor, ${how}`, unit: 'records/s', better: 'higher', bar: 1.4, aim: 2.5 },
    async () => {
      let records = 0;
      const elapsed = await seconds(async () => {
        records = await drain(ops, { limit: pageSize });
      });
      return expectCount(records, built.count) / elapsed;
    },
    async () => {
      let records = 0;
      const elapsed = await seconds(() => {
        for (let after = 0; ; ) {
          const rows = base.readPage(after, pageSize);
          records += rows.length;
          if (rows.length < pageSize) break;
          after = rows.at(-1)?.rowid ?? after;
        }
      });
      return expectCount(records, built.count) / elapsed;
    },
  );

  const missing = withoutHoles(built);
  const expected = holes.reduce((sum, hole) => sum + hole.last - hole.first + 1, 0);
  await measure(
    context,
    { suite: 'storage', name: `missing of 20 ranges of 1M, ${how}`, unit: 'queries/s', better: 'higher', bar: 1.8, aim: 4 },
    () => perSecond(20, async () => expectCount(await drain(ops, { trees: [tree], missing, limit: 5000 }), expected)),
    () =>
      perSecond(20, () =>
        expectCount(
          holes.reduce((sum, hole) => sum + base.readRange(hole.tree, hole.peer, hole.first, hole.last).length, 0),
          expected,
        ),
      ),
  );

  const thinCount = base.readTree(thinTree).length;
  await measure(
    context,
    { suite: 'storage', name: `one thin tree of 1M, ${how}`, unit: 'queries/s', better: 'higher', bar: 1.0, aim: 1.5 },
    () => perSecond(300, async () => expectCount(await drain(ops, { trees: [thinTree], limit: pageSize }), thinCount)),
    () => perSecond(300, () => expectCount(base.readTree(thinTree).length, thinCount)),
  );
}

async function reopen(context: BenchContext, built: Built): Promise<void> {
  await built.ops.close();
  built.base.close();
  const times = 10;
  const fresh = take(workload({ seed: 11, peers: 2 }), 2 * times * context.rounds);
  let n = 0;
  await measure(
    context,
    { suite: 'storage', name: 'reopen and first append at 1M', unit: 'ms', better: 'lower', bar: 1.5, aim: 1.0 },
    async () => {
      const elapsed = await seconds(async () => {
        for (let time = 0; time < times; time++) {
          const ops = openOps(built.dir);
          await ops.append(workspace, [(fresh[n++] as WorkItem).record]);
          await ops.close();
        }
      });
      return (elapsed * 1000) / times;
    },
    async () => {
      const elapsed = await seconds(() => {
        for (let time = 0; time < times; time++) {
          const base = openProposalStore(join(built.dir, 'baseline.db'));
          base.append([(fresh[n++] as WorkItem).row]);
          base.close();
        }
      });
      return (elapsed * 1000) / times;
    },
  );
}

async function perSecond(times: number, work: () => unknown): Promise<number> {
  await work();
  const elapsed = await seconds(async () => {
    for (let n = 0; n < times; n++) await work();
  });
  return times / elapsed;
}

/** A benchmark that returns other data than its baseline measures nothing. */
function expectCount(got: number, wanted: number): number {
  if (got !== wanted) throw new Error(`expected ${wanted} records, read ${got}`);
  return got;
}
