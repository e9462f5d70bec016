import { type ByteSource, parseUserId, parseWorkspaceId, staticKey } from '@spacestore/core';
import { memoryHintPlace } from '@spacestore/core/memory';
import { expect, it } from 'vitest';
import { startSync, tokenOf } from './sync-harness.ts';
import { enter, greet, join, ops, placed, record } from './wire-client.ts';

const w1 = parseWorkspaceId('w1');

/** Two servers on the same stores that hear of each other, and nothing of a poll unless asked to. */
async function two(pollMs = 0) {
  const hints = memoryHintPlace();
  const near = await startSync({ hints, sync: { pollMs } });
  return { hints, near, far: await near.beside({ pollMs }) };
}

it('G4: what one server commits, readers on the other are told, in order, without a poll', async () => {
  const { near, far } = await two();
  const [ada, bob] = [await greet(near.url, tokenOf('ada')), await greet(far.url, tokenOf('bob'))];
  const { ws } = await enter(ada, 'w1');
  const { ws: bobs } = await enter(bob, 'w1');
  ada.send(ops(ws, 1, record(1), record(2)));
  await ada.expect('ack');
  expect(placed(await bob.expect('ops-down')).map(({ key }) => key)).toEqual(['t/p/1', 't/p/2']);
  bob.send(ops(bobs, 1, record(1, { peer: 'q' })));
  await bob.expect('ack');
  expect(placed(await ada.expect('ops-down'))).toEqual([{ position: 3, key: 't/q/1' }]);
});

it('S-33: nobody hears their own from the log, also where it told of them before the store did', async () => {
  let release = (): void => undefined;
  const hints = memoryHintPlace();
  const near = await startSync({
    hints,
    wrap: (store) => ({
      ...store,
      append: async (workspace, records, options, call) => {
        const result = await store.append(workspace, records, options, call);
        if (records[0]?.peer === 'slow') await new Promise<void>((resolve) => (release = resolve));
        return result;
      },
    }),
  });
  const far = await near.beside();
  const [ada, bob] = [await greet(near.url, tokenOf('ada')), await greet(far.url, tokenOf('bob'))];
  const { ws } = await enter(ada, 'w1');
  const { ws: bobs } = await enter(bob, 'w1');
  ada.send(ops(ws, 1, record(1, { peer: 'slow' })));
  while ((await near.ops.head(w1))?.position !== 1) await new Promise((resolve) => setImmediate(resolve));
  bob.send(ops(bobs, 1, record(2)));
  expect(placed(await ada.expect('ops-down'))).toEqual([{ position: 2, key: 't/p/2' }]);
  release();
  expect(await ada.expect('ack')).toMatchObject({ batch: 1, cursor: expect.stringContaining('.2.') });
});

it('G5: a member removed on one server is out on the other, and nobody else', async () => {
  const { near, far } = await two();
  const [ada, bob] = [await greet(far.url, tokenOf('ada')), await greet(far.url, tokenOf('bob'))];
  const { ws } = await enter(ada, 'w1');
  const { ws: bobs } = await enter(bob, 'w1');
  await near.setRole('w1', 'ada', undefined);
  expect(await ada.expect('left')).toMatchObject({ ws, code: 'not_found' });
  ada.send(join('w1'));
  expect(await ada.expect('refused')).toMatchObject({ code: 'not_found' });
  bob.send(ops(bobs, 1, record(1)));
  await bob.expect('ack');
});

it('G5: where no hint comes, the poll finds it, also behind a member who was let in anew', async () => {
  const { hints, near, far } = await two(10);
  const [bob, ada] = [await greet(far.url, tokenOf('bob')), await greet(far.url, tokenOf('ada'))];
  const { ws: bobs } = await enter(bob, 'w1');
  const { ws } = await enter(ada, 'w1');
  hints.interrupt();
  await near.setRole('w1', 'ada', undefined);
  bob.send(ops(bobs, 1, record(1))); // the fence refuses it, so bob's membership is read anew
  await bob.expect('ack');
  expect(await ada.until('left')).toMatchObject({ ws, code: 'not_found' });
});

it('G6: a restore on one server ends the history on the other', async () => {
  const { near, far } = await two();
  const bob = await greet(far.url, tokenOf('bob'));
  const { ws } = await enter(bob, 'w1');
  const snapshot = (await near.ops.snapshot(w1)) as ByteSource;
  const owner = await near.server.services.gate.authorize({ user: parseUserId('owner') }, w1, 'restore');
  await near.server.services.backup.restore(owner, { body: snapshot.open() });
  expect(await bob.expect('left')).toMatchObject({ ws, code: 'stale_cursor' });
});

it('G4, G5: what was missed while nothing came through is read once it does again', async () => {
  const { hints, near, far } = await two();
  const [ada, bob] = [await greet(far.url, tokenOf('ada')), await greet(far.url, tokenOf('bob'))];
  const { ws } = await enter(ada, 'w1');
  await enter(bob, 'w1');
  hints.interrupt();
  expect(await far.metric('spacestore_hints_listening')).toBe(0);
  await near.setRole('w1', 'ada', undefined);
  await near.ops.append(w1, [record(1)]);
  hints.resume();
  expect(placed(await bob.expect('ops-down'))).toEqual([{ position: 1, key: 't/p/1' }]);
  expect(await ada.until('left')).toMatchObject({ ws, code: 'not_found' });
  expect(await far.metric('spacestore_hints_connections_total')).toBe(2);
});

it('G6: a log that its database took back behind what was told ends for its readers', async () => {
  let back = false;
  const { url, ops: store } = await startSync({
    sync: { pollMs: 10 },
    wrap: (inner) => ({
      ...inner,
      head: async (...call) => {
        const head = await inner.head(...call);
        return head && back ? { ...head, position: head.position - 1 } : head;
      },
    }),
  });
  const ada = await greet(url, tokenOf('ada'));
  const { ws } = await enter(ada, 'w1');
  await store.append(w1, [record(1), record(2)]);
  await ada.expect('ops-down');
  back = true;
  expect(await ada.expect('left')).toMatchObject({ ws, code: 'stale_cursor' });
});

it('an upload under way ends where another server deletes its workspace', async () => {
  const { near, far } = await two();
  const ada = await far.server.services.gate.authorize({ user: parseUserId('ada') }, w1, 'append');
  let begun = (): void => undefined;
  const isUnderWay = new Promise<void>((resolve) => (begun = resolve));
  const body = (async function* () {
    for (;;) {
      yield new Uint8Array(1);
      begun();
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const upload = far.server.services.files.put(ada, staticKey('0'.repeat(64)), { body });
  const refused = expect(upload).rejects.toMatchObject({ code: 'not_found' });
  await isUnderWay;
  await near.server.services.workspaces.delete(
    await near.server.services.gate.authorize({ user: parseUserId('owner') }, w1, 'workspace.delete'),
  );
  await refused;
});

it('G4: the poll counts what nobody told of, and nothing else', async () => {
  const { hints, near, far } = await two(10);
  const [ada, bob] = [await greet(near.url, tokenOf('ada')), await greet(far.url, tokenOf('bob'))];
  const { ws } = await enter(ada, 'w1');
  await enter(bob, 'w1');
  for (let batch = 1; batch <= 20; batch++) {
    ada.send(ops(ws, batch, record(batch)));
    expect(placed(await bob.expect('ops-down'))).toHaveLength(1);
  }
  expect(await far.metric('spacestore_sync_found_by_poll_total')).toBe(0);
  hints.interrupt();
  ada.send(ops(ws, 21, record(21)));
  expect(placed(await bob.expect('ops-down'))).toHaveLength(1);
  expect(await far.metric('spacestore_sync_found_by_poll_total')).toBe(1);
});
