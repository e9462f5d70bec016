import { expect, test } from 'vitest';
import { op, openStores, ws } from './kit.ts';

test('a snapshot holds one moment, though writes go on while another thread makes it', async () => {
  const { ops } = openStores();
  for (let i = 0; i < 30; i++) await ops.append(ws, [op('a', i, 'x'.repeat(50_000))]);
  let making = true;
  const snapshot = ops.snapshot(ws).finally(() => {
    making = false;
  });
  const acknowledged: number[] = [];
  for (let i = 30; making; i++) {
    await ops.append(ws, [op('a', i), op('b', i)]);
    acknowledged.push(i);
  }
  const other = openStores();
  const source = await snapshot;
  if (!source) return expect.unreachable();
  const head = await other.ops.restore(ws, source);
  expect(head.position).toBeGreaterThanOrEqual(30);
  // Whole calls alone.
  expect((head.position - 30) % 2).toBe(0);
  expect(acknowledged.length).toBeGreaterThan(0);
  expect((await other.verifyWorkspace(ws))?.problems).toEqual([]);
});
