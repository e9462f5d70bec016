import type { SecretName, SecretStore, WorkspaceId } from '@spacestore/core';
import fc from 'fast-check';
import { holds, refused, same, settle, show } from '../../check/expect.ts';
import { contentOf } from '../../gen/blob-store.ts';
import { hostileNames, hostileWorkspaces, secretNames, secretValue, space } from '../../gen/secret-store.ts';
import {
  livingNames,
  type ModelWrite,
  type SecretModel,
  secretIn,
  type WriteVerdict,
  writeSecret,
  writeSecrets,
} from '../../model/secret-store.ts';
import type { Law } from '../../spec/law.ts';
import { expectSecret, expectWorkspace } from './reading.ts';

const group = 'values';
const small = fc.tuple(fc.nat(9), fc.nat(99), fc.nat(99), fc.nat(99));

const roundTrip: Law<'secret-store'> = {
  id: 'SE-01',
  kind: 'secret-store',
  group,
  title: 'after any writes, get, getAll and names tell what they left; each write names the version it saw, and a repeated one resolves',
  why: 'A key that is changed, lost or silently overwritten locks an app out.',
  floors: { conflicts: { count: 15 }, repetitions: { count: 5 }, 'deleted names written again': { count: 3 } },
  run: (context) =>
    context.check(
      fc.array(small, { minLength: 1, maxLength: 16, size: 'max' }),
      async (steps, run) => {
        const room = await context.shared();
        const model: SecretModel = new Map();
        const prefix = run.fresh('w');
        const spaces = [space(prefix), space(`${prefix}x`)];
        let last: { readonly at: WorkspaceId; readonly writes: readonly ModelWrite[]; readonly id: string } | undefined;
        for (const [number, [kind, a, b, c]] of steps.entries()) {
          const at = spaces[a % 5 === 0 ? 1 : 0] as WorkspaceId;
          // Deleting and writing again what was deleted is where stores err, and rare by chance: such steps aim at what is there.
          const living = livingNames(model, at);
          const graves = [...(model.get(at)?.keys() ?? [])].filter((name) => !living.includes(name));
          const version = (name: SecretName): number => secretIn(model, at, name)?.version ?? 0;
          const write = (shift: number): ModelWrite => {
            const name = secretNames[(b + shift) % 5 === 0 ? c % secretNames.length : (b + shift) % 3] as SecretName;
            const [aimed, grave] = [living[b % Math.max(living.length, 1)] ?? name, graves[b % Math.max(graves.length, 1)]];
            if (shift === 0 && (kind === 2 || kind === 5)) return { name: aimed, ifVersion: c % 4 === 0 ? c % 3 : version(aimed) };
            if (shift === 0 && (kind === 3 || kind === 6 || kind === 7) && grave !== undefined)
              return { name: grave, ifVersion: c % 2 === 0 ? 0 : version(grave), value: secretValue(b) };
            // Mostly the version that is there; else the one before, one ahead, or as if nothing had been there.
            const ifVersion = a % 6 === 5 ? 0 : Math.max(0, version(name) + (c % 5 === 3 ? -1 : c % 7 === 5 ? 1 : 0));
            return { name, ifVersion, value: secretValue(b + c + shift) };
          };
          const again = kind <= 1 ? last : undefined;
          const several = [write(0), write(1), write(2)].filter(
            (one, i, all) => all.findIndex(({ name }) => name === one.name) === i && one.value,
          );
          const call = again ?? { at, writes: kind >= 8 && several.length > 1 ? several : [write(0)], id: `id-${number}` };
          last = call;
          const present = secretIn(model, call.at, call.writes[0]?.name as SecretName);
          const verdict =
            call.writes.length > 1
              ? writeSecrets(model, call.at, call.writes, call.id)
              : writeSecret(model, call.at, call.writes[0] as ModelWrite, call.id);
          run.say(
            `${call.writes.map(({ name, value, ifVersion }) => `${value ? `set ${show(value)}` : 'delete'} ${name} over ${ifVersion}`).join(', ')} as ${call.id}: ${verdict.kind}`,
          );
          run.count('conflicts', verdict.kind === 'conflict');
          run.count('repetitions', verdict.kind === 'repeated');
          run.count('deleted names written again', verdict.kind === 'made' && present !== undefined && present.value === undefined);
          await apply(room.store, call, verdict);
          if (kind === 5 && room.store.capabilities.durable !== 'none') {
            run.say(c % 2 === 0 ? 'close and open again' : 'open again without a close');
            await (c % 2 === 0 ? room.reopen() : room.crash());
          }
        }
        for (const each of spaces) await expectWorkspace(room.store, model, each, each);
        if (steps.length % 3 > 0) return;
        run.say(`drop ${spaces[0]}`);
        await room.store.drop(spaces[0] as WorkspaceId);
        model.delete(spaces[0] as WorkspaceId);
        for (const each of spaces) await expectWorkspace(room.store, model, each, `${each} after the drop`);
      },
      { runs: 40 },
    ),
};

/** Makes the call and throws unless it ends as the model says. */
async function apply(
  store: SecretStore,
  call: { readonly at: WorkspaceId; readonly writes: readonly ModelWrite[]; readonly id: string },
  verdict: WriteVerdict,
): Promise<void> {
  const { at, writes, id } = call;
  const [{ name, value, ifVersion }] = writes as [ModelWrite];
  const write = { ifVersion, writeId: id };
  const made = async (): Promise<number | undefined> => {
    if (writes.length > 1) {
      await store.setAll(
        at,
        writes.map((one) => ({ ...one, value: one.value as Uint8Array })),
        id,
      );
      return undefined;
    }
    return (await (value ? store.set(at, name, value, write) : store.delete(at, name, write))).version;
  };
  if (verdict.kind === 'conflict') {
    const error = await refused(made(), 'a write over another version', 'conflict');
    if (writes.length === 1) {
      same(error.context.version, verdict.version, 'version told by the conflict');
      same(error.context.name, name, 'name told by the conflict');
    }
    return;
  }
  const version = await made();
  if (version !== undefined) same(version, verdict.kind === 'nothing' ? 0 : verdict.version, 'version told by the write');
}

const sizes: Law<'secret-store'> = {
  id: 'SE-12',
  kind: 'secret-store',
  group,
  title: 'every value from nothing to the limit is kept, one byte more is `too_large`',
  why: 'An empty token is not a missing one, and a certificate chain must not be cut.',
  run: async (context) => {
    const { store } = await context.shared();
    const { maxValueBytes } = store.capabilities;
    const at = space('sizes');
    const name = secretNames[0] as SecretName;
    let version = 0;
    for (const size of [0, 1, 255, 4096, 65_535, 65_536, maxValueBytes - 1, maxValueBytes].filter((one) => one <= maxValueBytes))
      await context.example(async (run) => {
        run.say(`set ${size} bytes`);
        await store.set(at, name, contentOf(1, size), { ifVersion: version, writeId: `w${version}` });
        version += 1;
        await expectSecret(store, at, name, contentOf(1, size), version, `a value of ${size} bytes`);
      });
    await context.example(async (run) => {
      const beyond = contentOf(2, maxValueBytes + 1);
      run.say(`set ${beyond.length} bytes`);
      await refused(store.set(at, name, beyond, { ifVersion: version, writeId: 'beyond' }), 'a set beyond the limit', 'too_large');
      const entries = [
        { name: secretNames[5] as SecretName, value: contentOf(3, 10), ifVersion: 0 },
        { name, value: beyond, ifVersion: version },
      ];
      await refused(store.setAll(at, entries, 'beyond-all'), 'a setAll beyond the limit', 'too_large');
      await expectSecret(store, at, name, contentOf(1, maxValueBytes), version, 'afterwards');
      same(await store.get(at, secretNames[5] as SecretName), undefined, 'the other name of the setAll');
    });
  },
};

const copies: Law<'secret-store'> = {
  id: 'SE-14',
  kind: 'secret-store',
  group,
  title: 'values handed in and given out are copies: changing them changes nothing stored',
  why: 'Callers wipe keys after use; a store that kept the buffer would wipe the key itself.',
  run: (context) =>
    context.check(
      fc.record({ size: fc.integer({ min: 1, max: 300 }), offset: fc.nat(20), early: fc.boolean() }),
      async ({ size, offset, early }, run) => {
        const { store } = await context.shared();
        const at = space(run.fresh('w'));
        const [name, other] = secretNames as readonly [SecretName, SecretName];
        const value = contentOf(1, size);
        const mine = new Uint8Array(size + 40).fill(0xee);
        mine.set(value, offset);
        const view = mine.subarray(offset, offset + size);
        run.say(`set a view of ${size} bytes at ${offset}, wiped ${early ? 'before' : 'after'} the call resolved`);
        const set = store.set(at, name, view, { ifVersion: 0, writeId: 'a' });
        if (early) mine.fill(0);
        await set;
        holds(early || Buffer.compare(view, value) === 0, "set changed the caller's bytes");
        mine.fill(0);
        const entry = { name: other, value: value.slice(), ifVersion: 0 };
        const all = store.setAll(at, [entry], 'b');
        if (early) entry.value.fill(0);
        await all;
        entry.value.fill(0);
        (await store.get(at, name))?.value.fill(0x55);
        for (const one of await store.getAll(at)) one.value.fill(0x55);
        for (const each of [name, other]) await expectSecret(store, at, each, value, 1, 'afterwards');
      },
      { runs: 12 },
    ),
};

const hostile: Law<'secret-store'> = {
  id: 'SE-10',
  kind: 'secret-store',
  group: 'isolation',
  title:
    "a workspace's secrets are its own: the same name elsewhere is another secret, drop takes one workspace alone, what is no id is `invalid`",
  why: "A tenant must not reach another's keys, whatever it sends as a name.",
  run: async (context) => {
    const { store } = await context.shared();
    const spaces = ['tenant', 'tenant0', 'tenant_', 'tenan'].map(space);
    const model: SecretModel = new Map();
    await context.example(async (run) => {
      for (const [i, at] of spaces.entries())
        for (const [n, name] of secretNames.entries()) {
          const write = { name, value: contentOf(i * 50 + n, 20), ifVersion: 0 };
          writeSecret(model, at, write, 'first');
          await store.set(at, name, write.value, { ifVersion: 0, writeId: 'first' });
        }
      for (const at of spaces) await expectWorkspace(store, model, at, at);
      run.say(`drop ${spaces[0]}`);
      await store.drop(spaces[0] as WorkspaceId);
      model.delete(spaces[0] as WorkspaceId);
      for (const at of spaces) await expectWorkspace(store, model, at, `${at} after the drop`);
      await store.drop(space('never-seen'));
      run.say('a name dropped and written again begins anew');
      same(
        (await store.set(spaces[0] as WorkspaceId, secretNames[0] as SecretName, secretValue(1), { ifVersion: 0, writeId: 'anew' }))
          .version,
        1,
        'version',
      );
      await store.drop(spaces[0] as WorkspaceId);
    });
    const [at, name] = [spaces[1] as WorkspaceId, secretNames[0] as SecretName];
    const write = { ifVersion: 1, writeId: 'hostile' };
    const value = contentOf(9, 9);
    const tries: (readonly [string, () => Promise<unknown>])[] = [
      ...hostileNames.flatMap((bad): (readonly [string, () => Promise<unknown>])[] => [
        [`get ${show(bad)}`, () => store.get(at, bad as SecretName)],
        [`get ${show(bad)} of an unknown workspace`, () => store.get(space('never-seen'), bad as SecretName)],
        [`set ${show(bad)}`, () => store.set(at, bad as SecretName, value, { ifVersion: 0, writeId: 'x' })],
        [`delete ${show(bad)}`, () => store.delete(at, bad as SecretName, { ifVersion: 0, writeId: 'x' })],
        [
          `setAll ${show(bad)}`,
          () =>
            store.setAll(
              at,
              [
                { name, value, ifVersion: 1 },
                { name: bad as SecretName, value, ifVersion: 0 },
              ],
              'x',
            ),
        ],
      ]),
      ...hostileWorkspaces.flatMap((bad): (readonly [string, () => Promise<unknown>])[] => [
        [`get in ${show(bad)}`, () => store.get(bad as WorkspaceId, name)],
        [`getAll of ${show(bad)}`, () => store.getAll(bad as WorkspaceId)],
        [`set in ${show(bad)}`, () => store.set(bad as WorkspaceId, name, value, { ifVersion: 0, writeId: 'x' })],
        [`names of ${show(bad)}`, () => store.names(bad as WorkspaceId, { limit: 1 })],
        [`drop ${show(bad)}`, () => store.drop(bad as WorkspaceId)],
      ]),
      ...[-1, 0.5, Number.NaN, 2 ** 53, '1', undefined].map(
        (ifVersion) =>
          [`set over version ${show(ifVersion)}`, () => store.set(at, name, value, { ...write, ifVersion: ifVersion as number })] as const,
      ),
      ...['', 'x'.repeat(65), 'a b', 'é', undefined].map(
        (writeId) => [`set as ${show(writeId)}`, () => store.set(at, name, value, { ...write, writeId: writeId as string })] as const,
      ),
      ...['text', [1, 2], undefined, null, { length: 1 }].map(
        (bad) => [`set the value ${show(bad)}`, () => store.set(at, name, bad as Uint8Array, write)] as const,
      ),
      [
        'setAll of a name twice',
        () =>
          store.setAll(
            at,
            [
              { name, value, ifVersion: 1 },
              { name, value, ifVersion: 1 },
            ],
            'x',
          ),
      ],
      ...[0, -1, 1.5].map((limit) => [`names by ${limit}`, () => store.names(at, { limit })] as const),
    ];
    await context.example(async (run) => {
      for (const [what, call] of tries) {
        run.say(what);
        await refused((async () => call())(), what, 'invalid');
      }
      for (const each of spaces) await expectWorkspace(store, model, each, `${each} after all that`);
    });
  },
};

const life: Law<'secret-store'> = {
  id: 'SE-16',
  kind: 'secret-store',
  group: 'life',
  title: 'an aborted call did nothing; close waits for what was accepted, then every call is `closed`',
  why: 'A key half rotated at shutdown is a key lost.',
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      const { store } = room;
      const [name, other] = secretNames as readonly [SecretName, SecretName];
      const at = space('life');
      const write = { ifVersion: 0, writeId: 'a' };
      const aborted = { signal: AbortSignal.abort() };
      const calls = (call?: { readonly signal: AbortSignal }): readonly (readonly [string, () => Promise<unknown>])[] => [
        ['set', () => store.set(at, name, secretValue(1), write, call)],
        ['setAll', () => store.setAll(at, [{ name, value: secretValue(1), ifVersion: 0 }], 'b', call)],
        ['delete', () => store.delete(at, other, { ifVersion: 1, writeId: 'c' }, call)],
        ['get', () => store.get(at, name, call)],
        ['getAll', () => store.getAll(at, call)],
        ['names', () => store.names(at, { limit: 1 }, call)],
        ['drop', () => store.drop(at, call)],
      ];
      await store.set(at, other, secretValue(2), { ifVersion: 0, writeId: 'first' });
      for (const [what, call] of calls(aborted)) {
        run.say(`${what}, aborted before`);
        await refused(call(), `${what} with an aborted signal`, 'aborted');
      }
      same(await store.get(at, name), undefined, 'what the aborted calls would have set');
      await expectSecret(store, at, other, secretValue(2), 1, 'what the aborted calls would have deleted');
      run.say('5 sets, not awaited, then close');
      const sets = Array.from({ length: 5 }, (_, i) => settle(store.set(space(`life-${i}`), name, secretValue(i), write)));
      await store.close();
      const outcomes = await Promise.all(sets);
      await store.close();
      for (const [what, call] of calls()) await refused(call(), `${what} after close`, 'closed');
      if (store.capabilities.durable === 'none' && !store.capabilities.multiHandle) return;
      const again = await room.reopen();
      for (const [i, outcome] of outcomes.entries())
        if (outcome.ok) await expectSecret(again, space(`life-${i}`), name, secretValue(i), 1, `set ${i}, which resolved`);
        else same(await again.get(space(`life-${i}`), name), undefined, `set ${i}, which was refused`);
    }),
};

export const valueLaws: readonly Law<'secret-store'>[] = [roundTrip, hostile, sizes, copies, life];
