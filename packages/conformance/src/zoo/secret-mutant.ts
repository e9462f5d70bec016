import type { SecretName, SecretStore, WorkspaceId } from '@spacestore/core';
import { keyRing, seal } from '@spacestore/core/layers';
import { type MemorySecretPlace, memorySecretPlace, memorySecretStore } from '@spacestore/core/memory';
import { type Subject, secretStoreSubject } from '../subject.ts';

/** A sealed secret store that is broken on purpose, in one way. */
export interface SecretMutant {
  readonly id: string;
  /** What it does wrong. */
  readonly what: string;
  /** The law that must kill it. */
  readonly law: string;
  readonly make: (context: SecretMutantContext) => SecretStore;
  /** True for the mutant, false for the store it was made of. */
  readonly witness: (store: SecretStore, context: SecretMutantContext, other: SecretStore) => Promise<boolean>;
}

export interface SecretMutantContext {
  /** What is below the seal. */
  readonly inner: SecretStore;
  /** What is right: sealed. */
  readonly sealed: SecretStore;
  /** 32 bytes; others when the store is opened with a wrong key. */
  readonly key: Uint8Array;
  /** What lies beside the secrets, as journals do. */
  readonly beside: Map<string, Uint8Array>;
}

interface SecretMutantPlace {
  readonly memory: MemorySecretPlace;
  readonly beside: Map<string, Uint8Array>;
}

export const secretPlace = (): SecretMutantPlace => ({ memory: memorySecretPlace(), beside: new Map() });

export function secretContext({ memory, beside }: SecretMutantPlace, salt: number): SecretMutantContext {
  const key = Uint8Array.from({ length: 32 }, (_, i) => (i * 7 + salt) % 256);
  const inner = memorySecretStore({ place: memory, maxValueBytes: 100_000 });
  return { inner, sealed: seal({ keys: keyRing([key]) })(inner), key, beside };
}

/** The mutant as a subject; without one, the store that all of them are made of. */
export function secretMutantSubject(mutant?: SecretMutant): Subject<'secret-store'> {
  const places: SecretMutantPlace[] = [];
  const openWith =
    (salt: number) =>
    ({ number }: { readonly number: number }): SecretStore => {
      const context = secretContext(places[number] as SecretMutantPlace, salt);
      return mutant ? mutant.make(context) : context.sealed;
    };
  const cells = ({ memory }: SecretMutantPlace): ReadonlyMap<string, Uint8Array> =>
    new Map([...memory.secrets].flatMap(([at, secrets]) => [...secrets].map(([name, { value }]) => [`${at}/${name}`, value] as const)));
  return secretStoreSubject({
    name: mutant?.id ?? 'reference',
    setup: () => ({ number: places.push(secretPlace()) - 1 }),
    open: openWith(1),
    wrongKey: openWith(2),
    raw: async ({ number }) => {
      const place = places[number] as SecretMutantPlace;
      return [...cells(place), ...place.beside].map(([path, bytes]) => ({ path, bytes }));
    },
    cells: ({ number }) => {
      const place = places[number] as SecretMutantPlace;
      return {
        read: async () => cells(place),
        write: async (cell, value) => {
          const [at, name] = cell.split('/') as [WorkspaceId, SecretName];
          const secrets = place.memory.secrets.get(at);
          const present = secrets?.get(name);
          if (secrets && present) secrets.set(name, { ...present, value });
        },
      };
    },
  });
}
