import { existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { inspect } from 'node:util';
import { isStoreError, type SecretName, type SecretStore, type WorkspaceId } from '@spacestore/core';
import fc from 'fast-check';
import { LawBroken } from '../../check/broken.ts';
import { equalBytes } from '../../check/digest.ts';
import { holds, nameOf, refused, same, settle } from '../../check/expect.ts';
import { contentOf } from '../../gen/blob-store.ts';
import { canaryOf, secretNames, space } from '../../gen/secret-store.ts';
import type { LawContext } from '../../run/context.ts';
import type { Law, Need } from '../../spec/law.ts';
import type { RawCells } from '../../subject.ts';
import { overhear } from '../../world/overhear.ts';
import { findLeaks, type Trail } from '../../world/raw-scan.ts';
import { expectSecret } from './reading.ts';

const group = 'sealed';
const sealed: Need<'secret-store'> = { name: 'sealed', holds: (store) => store.capabilities.sealed };
const [one, two, three] = secretNames as readonly [SecretName, SecretName, SecretName];

/** All an error tells, its causes as well. */
const wordsOf = (error: unknown): string => inspect(error, { depth: 12, showHidden: true, maxArrayLength: null, maxStringLength: null });

const unreadable: Law<'secret-store'> = {
  id: 'SE-02',
  kind: 'secret-store',
  group,
  title: 'no value is to be found in anything a store leaves behind: files, journals, errors, logs, the printed store',
  why: 'A backup, a log or a crash report must not hand out the keys.',
  needs: sealed,
  tools: ['raw bytes'],
  floors: { 'planted values found by the control': { share: 1 } },
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      const canaries = new Map(Array.from({ length: 5 }, (_, i) => [`value ${i}`, canaryOf(context.seed, i)]));
      const text = `key-${Buffer.from(canaryOf(context.seed, 9)).toString('base64url')}"\\\n`;
      canaries.set('text value', Buffer.from(text));
      run.count('planted values found by the control', controlFinds(canaries));
      const trails: Trail[] = [];
      const printed = await overhear(async () => {
        for (const error of await strain(room.store, [...canaries.values()]))
          trails.push({ where: `error ${nameOf(error)}`, bytes: Buffer.from(wordsOf(error)) });
        trails.push({
          where: 'the printed store',
          bytes: Buffer.from(inspect(room.store, { depth: 8, showHidden: true, maxArrayLength: null })),
        });
        trails.push(...(await rawTrails(context, room.place, 'while open')));
        await room.store.close();
        trails.push(...(await rawTrails(context, room.place, 'after close')));
      });
      const leaks = findLeaks([...trails, ...printed], canaries);
      run.say(`${trails.length + printed.length} trails searched for ${canaries.size} values in every disguise`);
      same(
        leaks.map(({ canary, where, form }) => `${canary} in ${where} as ${form}`),
        [],
        'values found',
      );
    }),
};

/** Every call that could let a value slip, successes and failures; gives the errors. */
async function strain(store: SecretStore, values: readonly Uint8Array[]): Promise<readonly unknown[]> {
  const at = space('leaks');
  const [a, b, c, d, e, f] = values as readonly [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  await store.set(at, one, a, { ifVersion: 0, writeId: 'a' });
  await store.set(at, one, b, { ifVersion: 1, writeId: 'b' });
  await store.setAll(
    at,
    [
      { name: two, value: c, ifVersion: 0 },
      { name: three, value: f, ifVersion: 0 },
    ],
    'c',
  );
  await store.delete(at, two, { ifVersion: 1, writeId: 'd' });
  await store.get(at, one);
  await store.getAll(at);
  const tooLarge = Buffer.concat([d, new Uint8Array(store.capabilities.maxValueBytes)]);
  const failing = [
    store.set(at, one, d, { ifVersion: 0, writeId: 'e' }),
    store.set(at, one, tooLarge, { ifVersion: 2, writeId: 'f' }),
    store.set(at, 'no name' as SecretName, e, { ifVersion: 0, writeId: 'g' }),
    store.set('No Space' as WorkspaceId, one, e, { ifVersion: 0, writeId: 'h' }),
    store.setAll(at, [{ name: one, value: e, ifVersion: 7 }], 'i'),
    store.setAll(
      at,
      [
        { name: one, value: e, ifVersion: 2 },
        { name: one, value: d, ifVersion: 2 },
      ],
      'j',
    ),
    store.set(at, one, Buffer.from(d).toString('base64') as unknown as Uint8Array, { ifVersion: 2, writeId: 'k' }),
    store.set(at, one, e, { ifVersion: 2, writeId: 'l' }, { signal: AbortSignal.abort() }),
  ];
  const outcomes = await Promise.all(failing.map((call) => settle<unknown>(call)));
  return outcomes.flatMap((outcome) => (outcome.ok ? [] : [outcome.error]));
}

async function rawTrails(
  context: LawContext<'secret-store'>,
  place: Parameters<NonNullable<typeof context.subject.raw>>[0],
  when: string,
): Promise<readonly Trail[]> {
  const files = await context.subject.raw!(place, context.scope);
  return files.map(({ path, bytes }) => ({ where: `${path} ${when}`, bytes }));
}

/** The same search over a store that seals nothing. */
function controlFinds(canaries: ReadonlyMap<string, Uint8Array>): boolean {
  const plain = [...canaries.values()].map((bytes) => ({
    where: 'control',
    bytes: Buffer.concat([Buffer.from('row:'), bytes, Buffer.from(';')]),
  }));
  return findLeaks(plain, canaries).length >= canaries.size;
}

/** Items at rest that changed while something was done. */
async function changedCells(cells: RawCells, work: () => Promise<unknown>): Promise<ReadonlyMap<string, Uint8Array>> {
  const before = await cells.read();
  await work();
  const after = await cells.read();
  return new Map([...after].filter(([name, bytes]) => !equalBytes(bytes, before.get(name) ?? new Uint8Array(0))));
}

const fresh: Law<'secret-store'> = {
  id: 'SE-03',
  kind: 'secret-store',
  group,
  title: 'the same value sealed again is another text each time, with nothing of the one before in it',
  why: 'A nonce used twice gives both values away.',
  needs: sealed,
  tools: ['raw cells'],
  floors: { 'sealed texts compared': { count: 40 } },
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      const cells = await context.subject.cells!(room.place);
      const at = space('fresh');
      const [value, other] = [contentOf(1, 200), contentOf(2, 200)];
      await room.store.set(at, three, value, { ifVersion: 0, writeId: 'first' }); // whatever a store makes once, it makes now
      const texts: { readonly bytes: Uint8Array; readonly same: boolean }[] = [];
      for (let i = 0; i < context.size(60, 400); i++) {
        const equal = i % 3 > 0;
        const changed = await changedCells(cells, () => room.store.set(at, one, equal ? value : other, { ifVersion: i, writeId: `w${i}` }));
        for (const bytes of changed.values()) texts.push({ bytes, same: equal });
      }
      const equal = texts.filter((text) => text.same).map((text) => text.bytes);
      const others = texts.filter((text) => !text.same).map((text) => text.bytes);
      run.say(`${equal.length} sealed texts of one value, ${others.length} of another`);
      for (const [i, bytes] of equal.entries()) {
        run.count('sealed texts compared');
        const earlier = equal[i - 1];
        const control = others[i % Math.max(others.length, 1)];
        if (!earlier || !control || earlier.length !== bytes.length) continue;
        // Places that are alike only where the value is: a header is alike everywhere.
        const alike = bytes.filter((byte, at) => byte === earlier[at] && byte !== control[at]).length;
        holds(alike < 32, `${alike} of ${bytes.length} bytes are the same in two sealed texts of one value`);
      }
    }),
};

const damages = [
  'a byte flipped',
  'cut',
  'extended',
  'emptied',
  'swapped with another name',
  'swapped with another workspace',
  'rolled back',
] as const;

const tampered: Law<'secret-store'> = {
  id: 'SE-04',
  kind: 'secret-store',
  group,
  title: 'a sealed value that was changed, cut, moved or rolled back is `corrupt`, in the same words whatever was done, and never data',
  why: 'Who can write to the disk must not choose which key an app uses.',
  needs: sealed,
  tools: ['raw cells'],
  floors: Object.fromEntries(damages.map((damage) => [damage, { count: 2 }])),
  run: async (context) => {
    const words = new Set<string>();
    for (const damage of damages)
      await context.check(
        fc.record({ at: fc.nat(999), size: fc.constantFrom(0, 1, 32, 300) }),
        async ({ at, size }, run) => {
          const room = await context.shared();
          const cells = await context.subject.cells!(room.place);
          const prefix = run.fresh('w');
          const [here, there] = [space(prefix), space(`${prefix}x`)];
          const [value, elder] = [contentOf(1, size), contentOf(2, size)];
          const cellOf = async (work: () => Promise<unknown>, name: string): Promise<readonly [string, Uint8Array]> => {
            const changed = [...(await changedCells(cells, work))];
            const found = changed.find(([cell]) => cell.includes(name)) ?? changed.at(-1);
            if (found === undefined) throw new LawBroken('a set changed nothing at rest');
            return found;
          };
          await room.store.set(here, three, elder, { ifVersion: 0, writeId: 'z' });
          await room.store.set(there, three, elder, { ifVersion: 0, writeId: 'z' });
          const old = await cellOf(() => room.store.set(here, one, elder, { ifVersion: 0, writeId: 'a' }), `/${one}`);
          const [name, bytes] = await cellOf(() => room.store.set(here, one, value, { ifVersion: 1, writeId: 'b' }), `/${one}`);
          const beside = await cellOf(() => room.store.set(here, two, elder, { ifVersion: 0, writeId: 'c' }), `/${two}`);
          const away = await cellOf(async () => room.store.set(there, one, elder, { ifVersion: 0, writeId: 'd' }), `/${one}`);
          await room.store.set(there, one, elder, { ifVersion: 1, writeId: 'e' });
          const bad = spoiled(damage, bytes, at, { old: old[1], beside: beside[1], away: away[1] });
          run.count(damage);
          run.say(`the sealed text of ${size} bytes ${damage}${damage === 'a byte flipped' ? ` at ${at % bytes.length}` : ''}`);
          await cells.write(name, bad);
          const error = await refused(room.store.get(here, one), 'get of a spoiled secret', 'corrupt');
          words.add(error.message);
          await refused(room.store.getAll(here), 'getAll with a spoiled secret', 'corrupt');
          await expectSecret(room.store, here, two, elder, 1, 'the secret beside it');
          await expectSecret(room.store, there, one, elder, 2, 'the same name elsewhere');
          await cells.write(name, bytes);
          await expectSecret(room.store, here, one, value, 2, 'with its own bytes again');
        },
        { runs: 6 },
      );
    holds(words.size <= 1, `what was done shows in the words of the error: ${[...words].join(' | ')}`);
  },
};

function spoiled(
  damage: (typeof damages)[number],
  bytes: Uint8Array,
  at: number,
  others: { readonly old: Uint8Array; readonly beside: Uint8Array; readonly away: Uint8Array },
): Uint8Array {
  switch (damage) {
    case 'a byte flipped':
      return bytes.map((byte, i) => (i === at % bytes.length ? byte ^ (1 << (at % 8)) : byte));
    case 'cut':
      return bytes.slice(0, at % bytes.length);
    case 'extended':
      return Buffer.concat([bytes, Uint8Array.of(at % 256)]);
    case 'emptied':
      return new Uint8Array(0);
    case 'swapped with another name':
      return others.beside;
    case 'swapped with another workspace':
      return others.away;
    case 'rolled back':
      return others.old;
  }
}

const wrongKey: Law<'secret-store'> = {
  id: 'SE-05',
  kind: 'secret-store',
  group,
  title: 'with a wrong key nothing is read and nothing is written: an error, never other bytes, never "not there"',
  why: 'A server started with the wrong key file must not hand out garbage or bury the old secrets under new ones.',
  needs: sealed,
  tools: ['wrong key'],
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      const at = space('locked');
      await room.store.set(at, one, contentOf(1, 32), { ifVersion: 0, writeId: 'a' });
      await room.store.set(at, two, contentOf(2, 32), { ifVersion: 0, writeId: 'b' });
      const wrong = await context.subject.wrongKey!(room.place, { clock: room.clock });
      context.scope.after(() => wrong.close());
      const calls: Readonly<Record<string, () => Promise<unknown>>> = {
        get: () => wrong.get(at, one),
        getAll: () => wrong.getAll(at),
        'set over it': () => wrong.set(at, one, contentOf(3, 32), { ifVersion: 1, writeId: 'c' }),
        'set of a new name': () => wrong.set(at, three, contentOf(3, 32), { ifVersion: 0, writeId: 'd' }),
        setAll: () => wrong.setAll(at, [{ name: three, value: contentOf(3, 32), ifVersion: 0 }], 'e'),
        delete: () => wrong.delete(at, one, { ifVersion: 1, writeId: 'f' }),
      };
      for (const [what, call] of Object.entries(calls)) {
        run.say(`${what} with a wrong key`);
        const outcome = await settle(call);
        holds(!outcome.ok, `${what} with a wrong key succeeded`);
        holds(
          isStoreError(outcome.error) && !outcome.error.retryable && outcome.error.code !== 'internal',
          `${what} with a wrong key: ${nameOf(outcome.error)}`,
        );
      }
      run.say('and with the right one again');
      await expectSecret(room.store, at, one, contentOf(1, 32), 1, 'afterwards');
      await expectSecret(room.store, at, two, contentOf(2, 32), 1, 'afterwards');
      same(await room.store.get(at, three), undefined, 'what was refused');
    }),
};

const modes: Law<'secret-store'> = {
  id: 'SE-13',
  kind: 'secret-store',
  group: 'files',
  title: 'files are for their owner alone (0600), and so is their folder (0700)',
  why: 'Other users of the machine may read what is not forbidden to them.',
  needs: { name: 'files', holds: (_, subject) => subject.claims?.includes('files') ?? false },
  tools: ['raw bytes'],
  floors: { 'files looked at': { count: 1 } },
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      await room.store.set(space('modes'), one, contentOf(1, 32), { ifVersion: 0, writeId: 'a' });
      const paths = (await context.subject.raw!(room.place, context.scope)).map(({ path }) => path).filter((path) => existsSync(path));
      const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8);
      for (const path of paths) {
        run.count('files looked at');
        run.say(`${path} has mode ${mode(path)}, its folder ${mode(dirname(path))}`);
        same(mode(path), '600', `mode of ${path}`);
        same(mode(dirname(path)), '700', `mode of the folder of ${path}`);
      }
    }),
};

export const sealedLaws: readonly Law<'secret-store'>[] = [unreadable, fresh, tampered, wrongKey, modes];
