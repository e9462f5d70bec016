import { type ChangeHint, decodeHints, encodeHints, hasCode, parseWorkspaceId, pendingHints } from '@spacestore/core';
import { memoryChangeHints, memoryHintPlace } from '@spacestore/core/memory';
import fc from 'fast-check';
import { expect, test } from 'vitest';

const [a, b] = [parseWorkspaceId('a'), parseWorkspaceId('b')];
const appended = (workspace = a, position = 1): ChangeHint => ({ kind: 'appended', workspace, position });
const fenced = (workspace = a, epoch = 1): ChangeHint => ({ kind: 'fenced', workspace, epoch });
const replaced = (workspace = a): ChangeHint => ({ kind: 'replaced', workspace });

const hint: fc.Arbitrary<ChangeHint> = fc
  .tuple(fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,63}$/), fc.nat(2), fc.maxSafeNat())
  .filter(([id]) => id !== 'constructor' && id !== 'prototype')
  .map(([id, kind, number]) => {
    const workspace = parseWorkspaceId(id);
    return [appended(workspace, number), fenced(workspace, number), replaced(workspace)][kind] as ChangeHint;
  });

test('hints of one workspace are folded into the newest of each kind', () => {
  const pending = pendingHints();
  expect(pending.add(appended(a, 2))).toBe(true);
  for (const one of [appended(b, 1), appended(a, 7), appended(a, 5), fenced(a, 3), fenced(a, 2)]) expect(pending.add(one)).toBe(false);
  expect(pending.take()).toEqual([fenced(a, 3), appended(a, 7), appended(b, 1)]);
  expect(pending.take()).toEqual([]);
});

test('a position of a history that ended is not told', () => {
  const pending = pendingHints();
  for (const one of [appended(a, 9), replaced(a), appended(a, 1)]) pending.add(one);
  expect(pending.take()).toEqual([replaced(a), appended(a, 1)]);
});

test('texts keep below their length and say what was put in', () => {
  const sender = '0123456789abcdef';
  fc.assert(
    fc.property(fc.array(hint, { maxLength: 60 }), fc.integer({ min: 120, max: 800 }), (hints, maxLength) => {
      const texts = encodeHints({ sender, hints }, maxLength);
      expect(texts.every((text) => text.length <= maxLength)).toBe(true);
      expect(texts.flatMap((text) => decodeHints(text).hints)).toEqual(hints);
      expect(texts.every((text) => decodeHints(text).sender === sender)).toBe(true);
    }),
    { seed: 3, numRuns: 200 },
  );
});

test.each([
  '',
  'x a:a:1',
  '0123456789abcdef a:A:1',
  '0123456789abcdef a:a:-1',
  '0123456789abcdef a:a',
  '0123456789abcdef r:a:1',
  '0123456789abcdef a:a:1:2',
  '0123456789abcdef q:a:1',
])('a text that is none is refused: %j', (text) => {
  let error: unknown;
  try {
    decodeHints(text);
  } catch (thrown) {
    error = thrown;
  }
  expect(hasCode(error, 'invalid')).toBe(true);
});

/** What a listener is told, as words. */
function ears(): { readonly told: string[]; readonly listener: Parameters<ReturnType<typeof memoryChangeHints>['subscribe']>[0] } {
  const told: string[] = [];
  return {
    told,
    listener: { hint: (one) => told.push(`${one.kind} ${one.workspace}`), reconnected: () => told.push('reconnected') },
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('others are told, the publisher is not, and listening begins with a look at the heads', async () => {
  const place = memoryHintPlace();
  const [near, far] = [memoryChangeHints({ place }), memoryChangeHints({ place })];
  const [own, other] = [ears(), ears()];
  near.subscribe(own.listener);
  const end = far.subscribe(other.listener);
  expect(other.told).toEqual([]);
  await turn();
  near.publish(appended());
  near.publish(appended(a, 2));
  expect(other.told).toEqual(['reconnected']);
  await turn();
  expect(other.told).toEqual(['reconnected', 'appended a']);
  expect(own.told).toEqual(['reconnected']);
  end();
  near.publish(replaced());
  await turn();
  expect(other.told).toEqual(['reconnected', 'appended a']);
});

test('what is lost while interrupted is made up for by a look at the heads', async () => {
  const place = memoryHintPlace();
  const [near, far] = [memoryChangeHints({ place }), memoryChangeHints({ place })];
  const { told, listener } = ears();
  far.subscribe(listener);
  await turn();
  place.interrupt();
  near.publish(appended());
  await turn();
  expect([told, far.isListening()]).toEqual([['reconnected'], false]);
  place.resume();
  await turn();
  expect([told, far.isListening()]).toEqual([['reconnected', 'reconnected'], true]);
});

test('a close sends what waits, and ends', async () => {
  const place = memoryHintPlace();
  const [near, far] = [memoryChangeHints({ place }), memoryChangeHints({ place })];
  const { told, listener } = ears();
  far.subscribe(listener);
  near.publish(fenced());
  await near.close();
  await near.close();
  near.publish(fenced(b));
  await turn();
  expect(told).toEqual(['reconnected', 'fenced a']);
});
