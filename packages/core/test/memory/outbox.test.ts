import type { OutboxBatch, RecordId } from '@spacestore/core';
import { memoryOutbox, memoryOutboxPlace } from '@spacestore/core/memory';
import { describe, expect, test } from 'vitest';
import { failureOf, namesOf, op, ws } from './op-kit.ts';

const idOf = ({ tree, peer, counter }: RecordId): RecordId => ({ tree, peer, counter });
const shown = (batches: readonly OutboxBatch[]) => batches.map(({ batch, records }) => [batch, ...namesOf(records)]);

describe('an outbox', () => {
  test('keeps batches in the order added until a verdict, under numbers that rise', async () => {
    const box = memoryOutbox();
    expect((await box.add(ws, [op('a', 1), op('a', 2)])).batch).toBe(1);
    expect((await box.add(ws, [op('a', 3)])).batch).toBe(2);
    expect((await box.add(ws, [op('a', 4)])).batch).toBe(3);
    expect(await box.counts(ws)).toEqual({ batches: 3, records: 4, quarantined: 0 });
    await box.verdict(ws, 2, { kind: 'acknowledged' });
    await box.verdict(ws, 2, { kind: 'acknowledged' });
    expect(shown(await box.pending(ws, 0, 9))).toEqual([[1, 't/a:1', 't/a:2'], [3, 't/a:4']]); // biome-ignore format: two batches
    expect(shown(await box.pending(ws, 1, 1))).toEqual([[3, 't/a:4']]);
  });

  test('a refusal quarantines the named records and puts the rest back behind the others', async () => {
    const box = memoryOutbox({ clock: { now: () => 9 } });
    await box.add(ws, [op('a', 1), op('a', 2), op('a', 3)]);
    await box.add(ws, [op('a', 4)]);
    await box.verdict(ws, 1, { kind: 'refused', code: 'equivocation', ids: [idOf(op('a', 2)), idOf(op('z', 9))] });
    expect(shown(await box.pending(ws, 0, 9))).toEqual([[2, 't/a:4'], [3, 't/a:1', 't/a:3']]); // biome-ignore format: two batches
    expect(await box.quarantine(ws)).toEqual([{ record: op('a', 2), code: 'equivocation', at: 9 }]);
    expect(await box.counts(ws)).toEqual({ batches: 2, records: 3, quarantined: 1 });
  });

  test('a refusal that names nothing of the batch is of all of it', async () => {
    const box = memoryOutbox();
    await box.add(ws, [op('a', 1), op('a', 2)]);
    await box.verdict(ws, 1, { kind: 'refused', code: 'too_large', ids: [] });
    expect(await box.counts(ws)).toEqual({ batches: 0, records: 0, quarantined: 2 });
  });

  test('the same record is quarantined once', async () => {
    const box = memoryOutbox();
    for (const batch of [1, 2]) {
      await box.add(ws, [op('a', 1)]);
      await box.verdict(ws, batch, { kind: 'refused', code: 'denied', ids: [] });
    }
    expect((await box.counts(ws)).quarantined).toBe(1);
    await box.add(ws, [op('a', 1, 'other')]);
    await box.verdict(ws, 3, { kind: 'refused', code: 'denied', ids: [] });
    expect((await box.counts(ws)).quarantined).toBe(2);
  });

  test('quarantined records are retried as a new batch or discarded', async () => {
    const box = memoryOutbox();
    await box.add(ws, [op('a', 1), op('a', 2), op('a', 3)]);
    await box.verdict(ws, 1, { kind: 'refused', code: 'invalid', ids: [] });
    await box.release(ws, [idOf(op('a', 1)), idOf(op('a', 3))], 'retry');
    await box.release(ws, [idOf(op('a', 2)), idOf(op('q', 2))], 'discard');
    await box.release(ws, [idOf(op('a', 2))], 'retry');
    expect(shown(await box.pending(ws, 0, 9))).toEqual([[2, 't/a:1', 't/a:3']]);
    expect((await box.counts(ws)).quarantined).toBe(0);
  });

  test('goes on where it was closed, and never gives a number twice', async () => {
    const place = memoryOutboxPlace();
    const box = memoryOutbox({ place });
    await box.add(ws, [op('a', 1)]);
    await box.verdict(ws, 1, { kind: 'acknowledged' });
    await box.setState(ws, 'cursor', 'c1');
    await box.close();
    expect((await failureOf(box.add(ws, [op('a', 2)]))).code).toBe('closed');
    const reopened = memoryOutbox({ place });
    expect(await reopened.state(ws, 'cursor')).toBe('c1');
    expect((await reopened.add(ws, [op('a', 2)])).batch).toBe(2);
  });

  test('shares no bytes with callers', async () => {
    const box = memoryOutbox();
    const record = op('a', 1);
    const added = await box.add(ws, [record]);
    record.body.fill(0);
    added.records[0]?.body.fill(0);
    (await box.pending(ws, 0, 1))[0]?.records[0]?.body.fill(0);
    expect((await box.pending(ws, 0, 1))[0]?.records).toEqual([op('a', 1)]);
    await box.verdict(ws, 1, { kind: 'refused', code: 'denied', ids: [] });
    (await box.quarantine(ws))[0]?.record.body.fill(0);
    expect((await box.quarantine(ws))[0]?.record).toEqual(op('a', 1));
  });

  test('keeps named values, and forgets one that is set to undefined', async () => {
    const box = memoryOutbox();
    expect(await box.state(ws, '__proto__')).toBeUndefined();
    await box.setState(ws, '__proto__', '');
    expect(await box.state(ws, '__proto__')).toBe('');
    await box.setState(ws, '__proto__', undefined);
    expect(await box.state(ws, '__proto__')).toBeUndefined();
  });

  test('refuses what could never be sent, before any effect', async () => {
    const box = memoryOutbox();
    expect((await failureOf(box.add(ws, [op('a', 1), { ...op('a', 2), counter: -1 }]))).code).toBe('invalid');
    expect((await failureOf(box.add('W' as never, [op('a', 1)]))).code).toBe('invalid');
    expect((await failureOf(box.pending(ws, 0, 0))).code).toBe('invalid');
    expect((await failureOf(box.setState(ws, 'n', '\ud800'))).code).toBe('invalid');
    expect(await box.counts(ws)).toEqual({ batches: 0, records: 0, quarantined: 0 });
  });
});
