import { type ByteSource, type OpStore, parseUserId, parseWorkspaceId } from '@spacestore/core';
import { describe, expect, it } from 'vitest';
import { startSync, tokenOf } from './sync-harness.ts';
import { enter, greet, join, keysOf, ops, placed, type pullAll, record, subscribe } from './wire-client.ts';

const w1 = parseWorkspaceId('w1');

/** A store whose appends wait until they are let go. */
function gated() {
  let open: () => void = () => undefined;
  let shut: Promise<void> | undefined;
  return {
    shut: () => {
      shut = new Promise((resolve) => {
        open = resolve;
      });
    },
    open: () => open(),
    wrap: (store: OpStore): OpStore => ({
      ...store,
      append: async (...call) => {
        await shut;
        return store.append(...call);
      },
    }),
  };
}

/** A store whose head is read and then told late: `shut` resolves when somebody asked. */
function gatedHeads() {
  let open: () => void = () => undefined;
  let shut: Promise<void> | undefined;
  let asked: () => void = () => undefined;
  return {
    shut: (): Promise<void> => {
      shut = new Promise((resolve) => {
        open = resolve;
      });
      return new Promise((resolve) => {
        asked = resolve;
      });
    },
    open: () => open(),
    wrap: (store: OpStore): OpStore => ({
      ...store,
      head: async (...call) => {
        const head = await store.head(...call);
        const waits = shut;
        shut = undefined; // who asks next is somebody else
        asked();
        await waits;
        return head;
      },
    }),
  };
}

/** Long enough for anything that was on its way. */
const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 30));

describe.each(['memory', 'sqlite'] as const)('over %s', (engine) => {
  it('G1: nothing is acknowledged and nobody is told before the commit; afterwards both are', async () => {
    const gate = gated();
    const { url } = await startSync({ engine, wrap: gate.wrap });
    const ada = await greet(url, tokenOf('ada'));
    const bob = await greet(url, tokenOf('bob'));
    const { ws } = await enter(ada, 'w1');
    await enter(bob, 'w1');
    gate.shut();
    ada.send(ops(ws, 1, record(1)));
    await settle();
    expect([...ada.waiting(), ...bob.waiting()]).toEqual([]);
    gate.open();
    expect(placed(await bob.expect('ops-down'))).toEqual([{ position: 1, key: 't/p/1' }]);
    expect(await ada.expect('ack')).toMatchObject({ batch: 1, cursor: expect.stringContaining('.1.') });
  });

  it('G1: records sent again are acknowledged again and told to nobody', async () => {
    const { url } = await startSync({ engine });
    const [ada, bob] = [await greet(url, tokenOf('ada')), await greet(url, tokenOf('bob'))];
    const { ws } = await enter(ada, 'w1');
    await enter(bob, 'w1');
    ada.send(ops(ws, 1, record(1), record(2)));
    await ada.expect('ack');
    ada.send(ops(ws, 2, record(1), record(2)));
    ada.send(ops(ws, 3, record(2), record(3)));
    await ada.until('ack');
    expect(placed(await bob.expect('ops-down'))).toHaveLength(2);
    expect(placed(await bob.expect('ops-down'))).toEqual([{ position: 3, key: 't/p/3' }]);
  });

  it('G2, G4: readers get every record of many writers once, at dense positions, as the log has them', async () => {
    const { url, ops: store } = await startSync({ engine });
    const reader = await greet(url, tokenOf('viewer'));
    await enter(reader, 'w1');
    const writers = await Promise.all(['ada', 'bob', 'owner', 'ada', 'bob'].map((user) => greet(url, tokenOf(user))));
    await Promise.all(
      writers.map(async (writer, n) => {
        const { ws } = await enter(writer, 'w1', { tail: n % 2 === 0 });
        for (let i = 1; i <= 20; i++) {
          writer.send(ops(ws, i, record(i, { peer: `p${n}` }), record(i + 100, { peer: `p${n}` })));
          if (i % 7 === 0) await settle();
        }
        for (let acked = 0; acked < 20; ) acked = (await writer.until('ack')).batch;
      }),
    );
    const got: { position: number; key: string }[] = [];
    while (got.length < 200) got.push(...placed(await reader.expect('ops-down')));
    const log = (await store.read(w1, { limit: 1000 })).records;
    expect(got.map(({ key }) => key)).toEqual(keysOf(log));
    expect(got.map(({ position }) => position)).toEqual(log.map(({ position }) => position));
  });

  it('G2, G4: a reader who comes in while others write lacks nothing and gets nothing twice', async () => {
    const { url, ops: store } = await startSync({ engine, sync: { pageRecords: 7 } });
    const ada = await greet(url, tokenOf('ada'));
    const { ws } = await enter(ada, 'w1', { tail: false });
    let batch = 0;
    const writing = (async () => {
      while (batch < 150) {
        ada.send(ops(ws, ++batch, record(batch * 2), record(batch * 2 + 1)));
        await new Promise((resolve) => setImmediate(resolve));
      }
      for (let acked = 0; acked < batch; ) acked = (await ada.until('ack')).batch;
    })();
    const bob = await greet(url, tokenOf('bob'), ['zstd']);
    const got = new Map<number, string>();
    const note = (position: number, key: string): void => {
      expect(got.has(position)).toBe(false);
      got.set(position, key);
    };
    const { ws: there } = await enter(bob, 'w1', { tail: false });
    bob.send({ kind: 'sub', ws: there, sub: 1, trees: null, cursor: null });
    await bob.expect('lag');
    let after: Parameters<typeof pullAll>[3] = null;
    let through: Parameters<typeof pullAll>[3] = null;
    let asked = true;
    bob.send({ kind: 'pull', ws: there, sub: 1, after, through });
    while (got.size < 300) {
      const message = await bob.take();
      if (message.kind === 'page') {
        for (const each of message.records) note(each.position, keysOf([each])[0] as string);
        asked = message.next !== null;
        after = message.next ?? message.through;
        through = message.next === null ? null : message.through;
        if (asked) bob.send({ kind: 'pull', ws: there, sub: 1, after, through });
      } else if (message.kind === 'ops-down') {
        expect(asked).toBe(false);
        for (const each of placed(message)) note(each.position, each.key);
        after = message.cursor;
      } else {
        expect(message.kind).toBe('lag');
        asked = true;
        bob.send({ kind: 'pull', ws: there, sub: 1, after, through: null });
      }
    }
    await writing;
    const log = (await store.read(w1, { limit: 1000 })).records;
    expect([...got].sort(([a], [b]) => a - b).map(([, key]) => key)).toEqual(keysOf(log));
  });

  it('G3: verdicts come in the order of batches, a refusal at its place', async () => {
    const { url } = await startSync({ engine });
    const ada = await greet(url, tokenOf('ada'));
    const { ws } = await enter(ada, 'w1');
    ada.send(ops(ws, 1, record(1)));
    ada.send(ops(ws, 2, record(1, { body: 'other' })));
    ada.send(ops(ws, 3, ...Array.from({ length: 1001 }, (_, i) => record(i + 10))));
    ada.send(ops(ws, 4, record(2)));
    const verdicts = [];
    for (let last = 0; last < 4; ) {
      const message = await ada.take();
      if (message.kind !== 'ack' && message.kind !== 'nack') throw new Error(message.kind);
      last = message.batch;
      verdicts.push(message.kind === 'nack' ? [message.batch, message.code, keysOf(message.ids as never)] : [message.batch, 'ack']);
    }
    expect(verdicts).toEqual([
      [1, 'ack'],
      [2, 'equivocation', ['t/p/1']],
      [3, 'too_large', []],
      [4, 'ack'],
    ]);
  });

  it('G4: a commit that nobody told of is found by the poll, and counted', async () => {
    const { url, ops: store, metric } = await startSync({ engine, sync: { pollMs: 10 } });
    const ada = await greet(url, tokenOf('ada'));
    await enter(ada, 'w1');
    expect(await metric('spacestore_sync_found_by_poll_total')).toBe(0);
    await store.append(w1, [record(1), record(2)]);
    expect(placed(await ada.expect('ops-down'))).toHaveLength(2);
    expect(await metric('spacestore_sync_found_by_poll_total')).toBe(1);
  });

  it('G4: commits of others between a connection’s own are told from the log, its own are not told to it', async () => {
    const { url, ops: store } = await startSync({ engine });
    const [ada, bob] = [await greet(url, tokenOf('ada')), await greet(url, tokenOf('bob'))];
    const { ws } = await enter(ada, 'w1');
    await enter(bob, 'w1');
    await store.append(w1, [record(100)]);
    ada.send(ops(ws, 1, record(1)));
    expect(placed(await ada.expect('ops-down'))).toEqual([{ position: 1, key: 't/p/100' }]);
    expect(await ada.expect('ack')).toMatchObject({ batch: 1, cursor: expect.stringContaining('.2.') });
    expect(placed(await bob.expect('ops-down')).map(({ key }) => key)).toEqual(['t/p/100', 't/p/1']);
  });

  it('G5: a removed member is out when the change is answered, in this workspace alone', async () => {
    const { url, setRole } = await startSync({ engine });
    const [ada, bob] = [await greet(url, tokenOf('ada')), await greet(url, tokenOf('bob'))];
    const { ws } = await enter(ada, 'w1');
    const { ws: other } = await enter(ada, 'w2');
    const { ws: bobs } = await enter(bob, 'w1');
    await setRole('w1', 'ada', undefined);
    bob.send(ops(bobs, 1, record(1)));
    await bob.expect('ack');
    expect(await ada.expect('left')).toMatchObject({ ws, code: 'not_found' });
    ada.send(ops(ws, 1, record(2)));
    ada.send(ops(other, 1, record(3)));
    expect(await ada.expect('ack')).toMatchObject({ ws: other });
    ada.send(join('w1'));
    expect(await ada.expect('refused')).toMatchObject({ of: 'join', code: 'not_found' });
    expect(ada.waiting()).toEqual([]);
  });

  it('G5: a change on another server refuses who lost the role, and nobody else', async () => {
    const { url, directory, ops: store } = await startSync({ engine });
    const [ada, bob] = [await greet(url, tokenOf('ada')), await greet(url, tokenOf('bob'))];
    const { ws } = await enter(ada, 'w1');
    const { ws: bobs } = await enter(bob, 'w1');
    const epoch = await directory.setMember(w1, parseUserId('ada'), 'viewer');
    await store.fence(w1, epoch);
    ada.send(ops(ws, 1, record(1)));
    expect(await ada.expect('nack')).toMatchObject({ code: 'denied' });
    bob.send(ops(bobs, 1, record(2)));
    await bob.expect('ack');
    expect(keysOf((await store.read(w1, { limit: 10 })).records)).toEqual(['t/p/2']);
  });

  it('G5: whoever has another role now is asked to join again', async () => {
    const { url, setRole } = await startSync({ engine });
    const ada = await greet(url, tokenOf('ada'));
    const { ws } = await enter(ada, 'w1');
    await setRole('w1', 'ada', 'viewer');
    expect(await ada.expect('left')).toMatchObject({ ws, code: 'conflict' });
    const { joined } = await enter(ada, 'w1');
    expect(joined.role).toBe('viewer');
    ada.send(ops(joined.ws, 1, record(1)));
    expect(await ada.expect('nack')).toMatchObject({ batch: 1, code: 'denied' });
  });

  it('G6: a cursor of another history is refused with the lineage and the head', async () => {
    const { url, ops: store } = await startSync({ engine });
    const ada = await greet(url, tokenOf('ada'));
    const { ws } = await enter(ada, 'w1', { tail: false });
    ada.send({ kind: 'pull', ws, sub: 1, after: null, through: null });
    expect(await ada.expect('refused')).toMatchObject({ of: 'pull', request: 1, code: 'invalid' });
    ada.send({ kind: 'sub', ws, sub: 1, trees: null, cursor: '00000000000000aa.5.00000000000000bb' as never });
    await ada.expect('lag');
    ada.send({ kind: 'pull', ws, sub: 1, after: '00000000000000aa.5.00000000000000bb' as never, through: null });
    const head = await store.head(w1);
    expect(await ada.expect('refused')).toMatchObject({
      of: 'pull',
      code: 'stale_cursor',
      context: { lineage: [], incarnation: head?.incarnation, head: head?.cursor },
    });
  });

  it('G6: after a restore everybody joins again, learns the lineage and reads on from the fork', async () => {
    const { url, server, ops: store } = await startSync({ engine });
    const ada = await greet(url, tokenOf('ada'));
    const { ws, joined } = await enter(ada, 'w1');
    ada.send(ops(ws, 1, record(1)));
    const { cursor } = await ada.expect('ack');
    const snapshot = await store.snapshot(w1);
    ada.send(ops(ws, 2, record(2)));
    await ada.expect('ack');
    const owner = await server.services.gate.authorize({ user: parseUserId('owner') }, w1, 'restore');
    await server.services.backup.restore(owner, { body: (snapshot as ByteSource).open() });
    expect(await ada.expect('left')).toMatchObject({ ws, code: 'stale_cursor' });
    const again = await enter(ada, 'w1', { tail: false });
    expect(again.joined.head?.incarnation).not.toBe(joined.head?.incarnation);
    expect(again.joined.head?.lineage).toEqual([{ incarnation: joined.head?.incarnation, forkedAt: cursor }]);
    expect(await subscribe(ada, again.ws, { cursor })).toEqual([]);
  });

  it('G6: a restore that nobody told of ends the room with the next commit, also where positions go on alike', async () => {
    const { url, ops: store } = await startSync({ engine });
    const [ada, bob] = [await greet(url, tokenOf('ada')), await greet(url, tokenOf('bob'))];
    const { ws } = await enter(ada, 'w1');
    const { ws: bobs } = await enter(bob, 'w1');
    ada.send(ops(ws, 1, record(1)));
    await bob.expect('ops-down');
    const snapshot = (await store.snapshot(w1)) as ByteSource;
    ada.send(ops(ws, 2, record(2)));
    await bob.expect('ops-down');
    // Another server restores, and brings as many records as were lost.
    await store.restore(w1, snapshot);
    await store.append(w1, [record(3)]);
    ada.send(ops(ws, 3, record(4)));
    expect(await bob.expect('left')).toMatchObject({ ws: bobs, code: 'stale_cursor' });
    const { records } = await enter(bob, 'w1');
    expect(keysOf(records)).toEqual(['t/p/1', 't/p/3', 't/p/4']);
  });

  it('G6: who was coming in while a backup was restored is told of the new history', async () => {
    const gate = gatedHeads();
    const { url, server, ops: store } = await startSync({ engine, wrap: gate.wrap });
    const [ada, bob] = [await greet(url, tokenOf('ada')), await greet(url, tokenOf('bob'))];
    const { ws } = await enter(bob, 'w1');
    const snapshot = (await store.snapshot(w1)) as ByteSource;
    bob.send(ops(ws, 1, record(1), record(2)));
    await bob.expect('ack');
    const asked = gate.shut();
    ada.send(join('w1'));
    await asked;
    const owner = await server.services.gate.authorize({ user: parseUserId('owner') }, w1, 'restore');
    await server.services.backup.restore(owner, { body: snapshot.open() });
    await bob.expect('left');
    gate.open();
    const joined = await ada.expect('joined');
    expect(joined.head).toMatchObject({ incarnation: (await store.head(w1))?.incarnation, position: 0 });
    expect(await subscribe(ada, joined.ws)).toEqual([]);
    const again = await enter(bob, 'w1');
    bob.send(ops(again.ws, 1, record(3)));
    expect(placed(await ada.expect('ops-down'))).toEqual([{ position: 1, key: 't/p/3' }]);
  });

  it('G7: joining tells the head', async () => {
    const { url, ops: store } = await startSync({ engine });
    await store.append(w1, [record(41)]);
    const ada = await greet(url, tokenOf('ada'));
    const { joined } = await enter(ada, 'w1', { tail: false });
    const head = await store.head(w1);
    expect(joined.head).toMatchObject({
      incarnation: head?.incarnation,
      cursor: head?.cursor,
      position: 1,
      records: 1,
      maxCounter: 41,
      lineage: [],
    });
  });

  it('G8: a refusal names the records at fault, and the rest can go on', async () => {
    const { url } = await startSync({ engine });
    const ada = await greet(url, tokenOf('ada'));
    const { ws } = await enter(ada, 'w1');
    ada.send(ops(ws, 1, record(1), record(2_000_000), record(3_000_000)));
    ada.send(ops(ws, 2, record(1)));
    const nack = await ada.expect('nack');
    expect([nack.code, keysOf(nack.ids as never)]).toEqual(['invalid', ['t/p/2000000', 't/p/3000000']]);
    expect(await ada.expect('ack')).toMatchObject({ batch: 2 });
  });
});
