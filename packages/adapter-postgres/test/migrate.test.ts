import { expect, test } from 'vitest';
import { failureOf, newUrl, op, openStores, sql, ws } from './kit.ts';

test('servers that start at the same time on an empty database make the tables once', async () => {
  const url = await newUrl();
  const servers = Array.from({ length: 6 }, () => openStores(url));
  await Promise.all(servers.map(({ ops }, i) => ops.append(ws, [op(`p${i}`, 1)])));
  expect((await servers[0]?.ops.head(ws))?.position).toBe(6);
  expect(await sql(url, 'SELECT version FROM spacestore.meta')).toEqual([[1]]);
});

test('a database of a newer release is refused and left as it is', async () => {
  const url = await newUrl();
  await openStores(url).ops.append(ws, [op('a', 1)]);
  await sql(url, 'UPDATE spacestore.meta SET version = 99');
  expect(await failureOf(openStores(url).ops.append(ws, [op('a', 2)]))).toMatchObject({
    code: 'unsupported',
    context: { version: 99, newest: 1 },
  });
  expect(await sql(url, 'SELECT count(*)::int FROM spacestore.record')).toEqual([[1]]);
});

test('two schemas of one database have nothing to do with each other', async () => {
  const url = await newUrl();
  const [one, two] = [openStores(url, { schema: 'one' }), openStores(url, { schema: 'two' })];
  await one.ops.append(ws, [op('a', 1)]);
  expect(await two.ops.head(ws)).toBeUndefined();
  expect(() => openStores(url, { schema: 'x; DROP' })).toThrow('schema');
});
