import type { BlobInfo, BlobKey, BlobRoot, BlobStore, StoreErrorCode } from '@spacestore/core';
import { type Layer, retry } from '@spacestore/core/layers';
import { digestOf } from '../../check/digest.ts';
import { holds, refused, same, settle } from '../../check/expect.ts';
import { contentOf, keyOfContent, mutableKey, plainSource, rootOf } from '../../gen/blob-store.ts';
import type { LawContext } from '../../run/context.ts';
import type { Law } from '../../spec/law.ts';
import { type Wire, type WireFault, wireFaults } from '../../world/wire.ts';
import { expectBlob, factsOf, listBlobs, readBlob } from './reading.ts';

const group = 'faults';
const needs: Law<'blob-store'>['needs'] = { name: 'a wire to its server', holds: (_, subject) => subject.wire !== undefined };

const [old, young] = [contentOf(1, 3000), contentOf(2, 2000)];
const [mutable, fixed, other] = [mutableKey(1), keyOfContent(young), mutableKey(2)];

const spoilt: readonly WireFault[] = ['body cut', 'body shortened', 'body altered'];

/** One call on a root where `mutable` holds the old content, and `other` something of its own. */
interface Action {
  readonly name: string;
  /** What the call needs that a fault must not meet. */
  readonly prepare?: (store: BlobStore, root: BlobRoot) => Promise<string>;
  /** Throws a broken law if the call told something else than the truth. */
  readonly call: (store: BlobStore, root: BlobRoot, prepared: string) => Promise<void>;
  /** What may be there after a call that failed, by key: digests, undefined for none. */
  readonly leaves?: readonly (readonly [BlobKey, readonly (string | undefined)[]])[];
  /** Codes of a failure beside busy and unavailable. */
  readonly fails?: readonly StoreErrorCode[];
  /** Faults of content that it notices; none where it asks for no content. */
  readonly spoils?: readonly WireFault[];
}

const told = (info: BlobInfo, key: BlobKey, bytes: Uint8Array): void =>
  same([info.key, info.sizeBytes, info.sha256], [key, bytes.length, digestOf(bytes)], 'key, length and sha256 told');
const versionOf = async (store: BlobStore, root: BlobRoot): Promise<string> => (await store.head(root, mutable))?.version ?? '';

const writes: readonly Action[] = [
  {
    name: 'put static',
    call: async (store, root) => told(await store.put(root, fixed, plainSource(young)), fixed, young),
    leaves: [[fixed, [undefined, digestOf(young)]]],
  },
  {
    name: 'put over a blob',
    call: async (store, root) => told(await store.put(root, mutable, plainSource(young)), mutable, young),
    leaves: [[mutable, [digestOf(old), digestOf(young)]]],
  },
  {
    name: 'put over a version',
    prepare: versionOf,
    call: async (store, root, ifMatch) => told(await store.put(root, mutable, plainSource(young), { ifMatch }), mutable, young),
    leaves: [[mutable, [digestOf(old), digestOf(young)]]],
  },
  {
    name: 'put where there is none',
    call: async (store, root) => told(await store.put(root, mutableKey(3), plainSource(young), { ifNoneMatch: '*' }), mutableKey(3), young),
    leaves: [[mutableKey(3), [undefined, digestOf(young)]]],
  },
  {
    name: 'delete',
    call: (store, root) => store.delete(root, mutable),
    leaves: [[mutable, [digestOf(old), undefined]]],
  },
  {
    name: 'delete a version',
    prepare: versionOf,
    call: (store, root, ifMatch) => store.delete(root, mutable, { ifMatch }),
    leaves: [[mutable, [digestOf(old), undefined]]],
  },
  {
    name: 'drop',
    call: (store, root) => store.drop(root),
    leaves: [
      [mutable, [digestOf(old), undefined]],
      [other, [digestOf(old), undefined]],
    ],
  },
];

async function send(store: BlobStore, root: BlobRoot, key: BlobKey): Promise<string> {
  const { url, headers, upload = '' } = await store.presign(root, key, { method: 'PUT', expiresInMs: 60_000, sizeBytes: young.length });
  const answer = await fetch(url, { method: 'PUT', headers, body: Uint8Array.from(young) });
  await answer.arrayBuffer();
  same(answer.ok, true, 'the signed PUT is let through');
  return upload;
}

const commit: Action = {
  name: 'commit',
  prepare: (store, root) => send(store, root, mutable),
  call: async (store, root, upload) => told(await store.commit(root, mutable, upload), mutable, young),
  leaves: [[mutable, [digestOf(old), digestOf(young)]]],
  spoils: ['body cut', 'body shortened'], // not altered: what a mutable file is to hold only its sender knows
};

const commitStatic: Action = {
  ...commit,
  name: 'commit static',
  prepare: (store, root) => send(store, root, fixed),
  call: async (store, root, upload) => told(await store.commit(root, fixed, upload), fixed, young),
  leaves: [[fixed, [undefined, digestOf(young)]]],
  spoils: spoilt,
};

const reads: readonly Action[] = [
  {
    name: 'get',
    call: async (store, root) =>
      same(digestOf((await readBlob(store, root, mutable))?.bytes ?? new Uint8Array()), digestOf(old), 'sha256 of the bytes given'),
    fails: ['corrupt'],
    spoils: spoilt,
  },
  {
    name: 'get a part',
    call: async (store, root) => {
      const part = await readBlob(store, root, mutable, { first: 10, last: 1009 });
      same(digestOf(part?.bytes ?? new Uint8Array()), digestOf(old.subarray(10, 1010)), 'sha256 of the part given');
    },
    fails: ['corrupt'],
    spoils: ['body cut', 'body shortened'], // a part has no hash
  },
  { name: 'head', call: async (store, root) => same((await store.head(root, mutable))?.sha256, digestOf(old), 'sha256 told by head') },
  {
    name: 'head of none',
    call: async (store, root) => same(await store.head(root, mutableKey(9)), undefined, 'head of what is not there'),
  },
  {
    name: 'list',
    call: async (store, root) =>
      same(
        (await listBlobs(store, root)).map((entry) => entry.key),
        [mutable, other],
        'keys listed',
      ),
  },
];

/** Every request of every action meets every fault once. */
async function sweep(
  context: LawContext<'blob-store'>,
  actions: readonly Action[],
  faults: readonly WireFault[],
  test: (
    action: Action,
    fault: WireFault,
    scene: { readonly store: BlobStore; readonly root: BlobRoot; readonly wire: Wire; readonly after: number },
  ) => Promise<'met' | 'passed' | 'not reached'>,
): Promise<void> {
  const { store, place } = await context.shared();
  const wire = await context.subject.wire!(place);
  for (const action of store.capabilities.presign ? [...actions, commit, commitStatic] : actions)
    for (const fault of faults) {
      if (spoilt.includes(fault) && action.spoils?.includes(fault) !== true) continue;
      await context.example(async (run) => {
        for (let after = 0, state = 'met'; state !== 'not reached'; after++) {
          holds(after < 100, `${action.name} makes requests without end`);
          const root = rootOf(run.fresh(`r${after}x`));
          await store.put(root, mutable, plainSource(old));
          await store.put(root, other, plainSource(old));
          run.say(`${action.name}: ${fault}, after ${after} requests`);
          state = await test(action, fault, { store, root, wire, after });
          run.count('requests that met a fault', state === 'met');
        }
      });
    }
}

const truthful: Law<'blob-store'> = {
  id: 'BL-16',
  kind: 'blob-store',
  group,
  title:
    'whatever happens to any one request, a call tells the truth or fails as `busy` or `unavailable`, never as "nothing there"; again it succeeds',
  why: 'An app that takes a refusal for an absent file uploads, deletes or restores the wrong thing.',
  needs,
  floors: { 'requests that met a fault': { count: 40 } },
  run: (context) =>
    sweep(context, [...writes, ...reads], wireFaults, async (action, fault, { store, root, wire, after }) => {
      const prepared = (await action.prepare?.(store, root)) ?? '';
      wire.arm(fault, after);
      const outcome = await settle(() => action.call(store, root, prepared));
      const state = wire.disarm();
      if (!outcome.ok)
        await refused(Promise.reject(outcome.error), `${action.name} that met a fault`, 'busy', 'unavailable', ...(action.fails ?? []));
      for (const [key, allowed] of action.leaves ?? []) {
        const found = (await readBlob(store, root, key))?.bytes;
        const digest = found && digestOf(found);
        holds(allowed.includes(digest), `${key} holds ${digest ?? 'nothing'} after a failed ${action.name}`);
      }
      const again = await settle(() => action.call(store, root, prepared));
      if (again.ok) return state;
      // What it wanted is there already: the condition no longer holds.
      await refused(Promise.reject(again.error), `${action.name} again`, 'conflict');
      for (const [key] of action.leaves ?? []) await expectBlob(store, root, key, young, `${action.name} again`);
      return state;
    }),
};

const atOnce: Layer<BlobStore> = retry('BlobStore', {
  schedule: (run) => {
    const timer = setTimeout(run, 1);
    return () => clearTimeout(timer);
  },
});

const lostReplies: Law<'blob-store'> = {
  id: 'BL-17',
  kind: 'blob-store',
  group,
  title: 'with retries around it, a call whose request was refused or lost, or whose reply was, happens once and is told as success',
  why: 'A put that is told as failed and has happened is put again, perhaps over what somebody else wrote since.',
  needs,
  floors: { 'requests that met a fault': { count: 15 } },
  run: (context) =>
    sweep(context, writes, ['busy', 'request lost', 'reply lost'], async (action, fault, { store, root, wire, after }) => {
      const prepared = (await action.prepare?.(store, root)) ?? '';
      const patient = atOnce(store);
      wire.arm(fault, after);
      await action.call(patient, root, prepared);
      const state = wire.disarm();
      for (const [key, allowed] of action.leaves ?? []) {
        const [, wanted] = allowed;
        const found = await readBlob(store, root, key);
        same(found && digestOf(found.bytes), wanted, `sha256 of ${key} after ${action.name}`);
        same(factsOf(await store.head(root, key)), factsOf(found?.info), 'head beside get');
      }
      return state;
    }),
};

export const wireLaws: readonly Law<'blob-store'>[] = [truthful, lostReplies];
