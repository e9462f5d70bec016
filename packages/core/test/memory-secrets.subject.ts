import { type RawCells, type Subject, secretStoreSubject } from '@spacestore/conformance';
import type { SecretName, SecretStore, WorkspaceId } from '@spacestore/core';
import { keyRing, seal } from '@spacestore/core/layers';
import { type MemorySecretPlace, memorySecretPlace, memorySecretStore } from '@spacestore/core/memory';

/** Places by number: a place must be JSON-able, and memory is not. */
const places: MemorySecretPlace[] = [];
const setup = (): { readonly memory: number } => ({ memory: places.push(memorySecretPlace()) - 1 });
const placeOf = (at: number): MemorySecretPlace => places[at] as MemorySecretPlace;

const sealedWith =
  (key: number) =>
  ({ memory }: { readonly memory: number }): SecretStore =>
    seal({ keys: keyRing([Uint8Array.from({ length: 32 }, (_, i) => (i * 7 + key) % 256)]) })(
      memorySecretStore({ place: placeOf(memory), maxValueBytes: 100_000 }),
    );

/** The values as the store beneath has them. */
const cellsOf = (place: MemorySecretPlace): RawCells => ({
  read: async () =>
    new Map(
      [...place.secrets].flatMap(([workspace, secrets]) =>
        [...secrets].map(([name, { value }]) => [`${workspace}/${name}`, value] as const),
      ),
    ),
  write: async (cell, value) => {
    const [workspace, name] = cell.split('/') as [WorkspaceId, SecretName];
    const secrets = place.secrets.get(workspace);
    const present = secrets?.get(name);
    if (secrets && present) secrets.set(name, { ...present, value });
  },
});

const memory: Subject<'secret-store'> = secretStoreSubject({
  name: 'memory-secrets',
  setup,
  open: ({ memory: at }) => memorySecretStore({ place: placeOf(at), maxValueBytes: 100_000 }),
});

const sealed: Subject<'secret-store'> = secretStoreSubject({
  name: 'memory-secrets-sealed',
  setup,
  open: sealedWith(1),
  wrongKey: sealedWith(2),
  raw: async ({ memory: at }) => [...(await cellsOf(placeOf(at)).read())].map(([path, bytes]) => ({ path, bytes })),
  cells: ({ memory: at }) => cellsOf(placeOf(at)),
});

export const subjects: readonly Subject<'secret-store'>[] = [memory, sealed];
