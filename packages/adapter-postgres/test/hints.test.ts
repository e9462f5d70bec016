import type { ChangeHint } from '@spacestore/core';
import { Client } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import type { PostgresStores } from '../src/index.ts';
import { newUrl, openStores, other, sql, ws } from './kit.ts';

/** What a listener of some stores is told. */
function listen(stores: PostgresStores): {
  readonly hints: ChangeHint[];
  readonly connected: (times: number) => Promise<void>;
  readonly hinted: (count: number) => Promise<void>;
} {
  const hints: ChangeHint[] = [];
  let connections = 0;
  let told = (): void => undefined;
  onTestFinished(
    stores.hints.subscribe({
      hint: (hint) => {
        hints.push(hint);
        told();
      },
      reconnected: () => {
        connections++;
        told();
      },
    }),
  );
  const until = (holds: () => boolean): Promise<void> =>
    new Promise((resolve) => {
      told = () => {
        if (holds()) resolve();
      };
      told();
    });
  return { hints, connected: (times) => until(() => connections >= times), hinted: (count) => until(() => hints.length >= count) };
}

test('other servers are told, and the one that published is not', async () => {
  const url = await newUrl();
  const [near, far] = [openStores(url), openStores(url)];
  const [own, theirs] = [listen(near), listen(far)];
  await Promise.all([own.connected(1), theirs.connected(1)]);
  near.hints.publish({ kind: 'appended', workspace: ws, position: 1 });
  near.hints.publish({ kind: 'appended', workspace: ws, position: 2 });
  near.hints.publish({ kind: 'fenced', workspace: other, epoch: 7 });
  await theirs.hinted(2);
  expect(theirs.hints).toEqual([
    { kind: 'appended', workspace: ws, position: 2 },
    { kind: 'fenced', workspace: other, epoch: 7 },
  ]);
  far.hints.publish({ kind: 'replaced', workspace: ws });
  await own.hinted(1);
  expect(own.hints).toEqual([{ kind: 'replaced', workspace: ws }]);
});

test('more than a notification holds goes in several', async () => {
  const url = await newUrl();
  const [near, far] = [openStores(url), openStores(url)];
  const theirs = listen(far);
  await theirs.connected(1);
  const hints = Array.from(
    { length: 400 },
    (_, i): ChangeHint => ({ kind: 'appended', workspace: `${'w'.repeat(58)}${i}` as typeof ws, position: i }),
  );
  for (const hint of hints) near.hints.publish(hint);
  await theirs.hinted(400);
  expect(theirs.hints).toEqual(hints);
});

test('a listener whose connection is killed listens again, and says that it may have missed some', async () => {
  const url = await newUrl();
  const [near, far] = [openStores(url), openStores(url)];
  const theirs = listen(far);
  await theirs.connected(1);
  await sql(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'");
  await theirs.connected(2);
  near.hints.publish({ kind: 'appended', workspace: ws, position: 3 });
  await theirs.hinted(1);
  expect(theirs.hints).toEqual([{ kind: 'appended', workspace: ws, position: 3 }]);
});

test('a notification that says nothing it knows is taken as a missed one', async () => {
  const url = await newUrl();
  const far = openStores(url);
  const theirs = listen(far);
  await theirs.connected(1);
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query("SELECT pg_notify('spacestore_hints', 'something newer')");
  await client.end();
  await theirs.connected(2);
  expect(theirs.hints).toEqual([]);
});
