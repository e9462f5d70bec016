import { expect, test } from 'vitest';
import { newDir, op, openStores, ws } from './kit.ts';

test('bodies that together are more than SQLite hands over as one value are read, also after the limit was lowered', async () => {
  const dir = newDir();
  const sizeBytes = 96 * 1024 ** 2;
  const large = openStores(dir, { maxBodyBytes: sizeBytes });
  // 12 of these are 1.2 GB, beyond the 10^9 bytes of a value.
  for (let n = 0; n < 12; n++) await large.ops.append(ws, [{ ...op('p', n, ''), body: new Uint8Array(sizeBytes).fill(n) }]);
  await large.close();
  const { ops } = openStores(dir);
  let read = 0;
  for (let query: Parameters<typeof ops.read>[1] | undefined = { limit: 20, limitBytes: 4 * sizeBytes }; query; ) {
    const page = await ops.read(ws, query);
    for (const { counter, body } of page.records) {
      expect([body.length, body[0], body.at(-1)]).toEqual([sizeBytes, counter, counter]);
      read++;
    }
    query = page.next;
  }
  expect(read).toBe(12);
});
