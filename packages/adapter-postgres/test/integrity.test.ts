import { expect, test } from 'vitest';
import { failureOf, newUrl, op, openStores, readAllPages, sql, ws } from './kit.ts';

const damages: readonly (readonly [what: string, statement: string, kinds: readonly string[]])[] = [
  ['a body changed', 'UPDATE record SET body = set_byte(body, 0, 33) WHERE position = 300', ['changed']],
  ['a counter changed', 'UPDATE record SET counter = 99999 WHERE position = 300', ['changed']],
  ['a time changed', 'UPDATE record SET received_at = received_at - 1 WHERE position = 300', ['changed']],
  ['an author changed', "UPDATE record SET via = 'somebody' WHERE position = 300", ['changed']],
  ['a record given to another peer', 'UPDATE record SET pair = 2, counter = 5000 WHERE position = 300', ['changed']],
  ['a record removed', 'DELETE FROM record WHERE position = 300', ['missing']],
  [
    'two records exchanged',
    'UPDATE record SET position = CASE position WHEN 9 THEN 900 ELSE position END WHERE position = 9',
    ['unexpected', 'missing'],
  ],
  ['a peer renamed', "UPDATE pair SET peer = 'somebody' WHERE id = 1", ['changed']],
  ['a pair removed', 'DELETE FROM pair WHERE id = 1', ['missing']],
  ['the last records cut off, with their head', 'DELETE FROM record WHERE position > 350; UPDATE head SET position = 350', ['corrupt']],
  ['a head of before', 'UPDATE head SET bytes = bytes - 1', ['corrupt']],
  ['a link of the chain removed', 'DELETE FROM chain', ['chain']],
];

test.each(damages)('%s behind the back of the store is an error, never other data', async (_, statement, kinds) => {
  const url = await newUrl();
  const stores = openStores(url);
  const records = Array.from({ length: 400 }, (_unused, i) => op(i % 3 === 0 ? 'q' : 'p', i));
  await stores.ops.append(ws, records);
  const before = await readAllPages(stores.ops, { limit: 100 });
  await sql(url, `SET search_path TO spacestore; ${statement}`);

  // Whatever is answered is what was stored; at least one way of reading everything is refused, or the damage is of no matter to reading.
  let refused = 0;
  for (const query of [{ limit: 1000 }, { limit: 90 }, { limit: 1000, missing: new Map() }]) {
    const read = await readAllPages(stores.ops, query).catch((error: unknown) => error);
    if (Array.isArray(read)) expect(read).toEqual(before);
    else {
      expect(read).toMatchObject({ code: 'corrupt' });
      refused++;
    }
  }
  if (kinds[0] === 'corrupt') expect((await failureOf(stores.verifyWorkspace(ws))).code).toBe('corrupt');
  else {
    const found = (await stores.verifyWorkspace(ws))?.problems ?? [];
    expect(found.map(({ kind }) => kind)).toEqual(expect.arrayContaining([...kinds]));
  }
  if (kinds[0] !== 'chain') expect(refused).toBeGreaterThan(0);
});

test('a whole log has no problems', async () => {
  const stores = openStores(await newUrl());
  await stores.ops.append(
    ws,
    Array.from({ length: 1500 }, (_, i) => op(`p${i % 5}`, i)),
  );
  expect(await stores.verifyWorkspace(ws)).toEqual({ records: 1500, largestBody: 6, problems: [] });
});
