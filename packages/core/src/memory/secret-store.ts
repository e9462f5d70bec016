import {
  checkSecretEntries,
  checkSecretValue,
  checkSecretWrite,
  judgeSecretWrite,
  type SecretState,
  secretConflict,
} from '../check-secrets.ts';
import type { SecretStore } from '../contracts/secret-store.ts';
import { compareIds, parseSecretName, parseWorkspaceId, type SecretName, type WorkspaceId } from '../ids.ts';
import { createLifetime } from '../lifetime.ts';
import { pageOf, parseLimit } from '../paging.ts';

interface StoredSecret extends SecretState {
  /** Empty for a tombstone. */
  readonly value: Uint8Array;
}

/** What a memory secret store keeps its secrets in: a second store on the same place sees the same ones. */
export interface MemorySecretPlace {
  readonly secrets: Map<WorkspaceId, Map<SecretName, StoredSecret>>;
}

export interface MemorySecretOptions {
  readonly place?: MemorySecretPlace;
  /** 1 MiB if absent. */
  readonly maxValueBytes?: number;
}

export function memorySecretPlace(): MemorySecretPlace {
  return { secrets: new Map() };
}

/** Secrets in this process's memory, not sealed: the executable form of the contract's laws, and a double for tests. */
export function memorySecretStore(options: MemorySecretOptions = {}): SecretStore {
  const { place = memorySecretPlace(), maxValueBytes = 1024 * 1024 } = options;
  const lifetime = createLifetime();

  /** The secrets of a workspace, without creating it. */
  const secretsOf = (workspace: WorkspaceId): ReadonlyMap<SecretName, StoredSecret> =>
    place.secrets.get(parseWorkspaceId(workspace)) ?? new Map();
  const store = (workspace: WorkspaceId, name: SecretName, secret: StoredSecret): void => {
    const secrets = place.secrets.get(workspace) ?? new Map<SecretName, StoredSecret>();
    place.secrets.set(workspace, secrets.set(name, secret));
  };
  /** Those with a value, in byte order of their names. */
  const living = (workspace: WorkspaceId): (readonly [SecretName, StoredSecret])[] =>
    [...secretsOf(workspace)].filter(([, secret]) => !secret.deleted).sort(([a], [b]) => compareIds(a, b));

  return {
    contractVersion: 1,
    capabilities: { durable: 'none', multiHandle: true, multiProcess: false, sealed: false, maxValueBytes },

    get: (workspace, name, call) =>
      lifetime.run(call, () => {
        const secret = secretsOf(workspace).get(parseSecretName(name));
        return secret && !secret.deleted ? { value: secret.value.slice(), version: secret.version } : undefined;
      }),

    getAll: (workspace, call) =>
      lifetime.run(call, () => living(workspace).map(([name, { value, version }]) => ({ name, value: value.slice(), version }))),

    set: (workspace, name, value, write, call) =>
      lifetime.run(call, () => {
        checkSecretWrite(write);
        checkSecretValue(value, maxValueBytes);
        const version = write.ifVersion + 1;
        const verdict = judgeSecretWrite(name, secretsOf(workspace).get(parseSecretName(name)), write, 'set');
        if (verdict === 'apply') store(workspace, name, { value: value.slice(), version, writeId: write.writeId, deleted: false });
        return { version };
      }),

    setAll: (workspace, entries, writeId, call) =>
      lifetime.run(call, () => {
        checkSecretEntries(entries, writeId, maxValueBytes);
        const secrets = secretsOf(workspace);
        const writes = entries.map(({ name, value, ifVersion }) => {
          const present = secrets.get(name);
          return { name, value, ifVersion, present, verdict: judgeSecretWrite(name, present, { ifVersion, writeId }, 'set') };
        });
        // All of one call were made together: where some are, the rest was changed by somebody else (or the workspace dropped).
        const odd = writes.find(({ verdict }) => verdict !== writes[0]?.verdict);
        if (odd) throw secretConflict(odd.name, odd.present?.version ?? 0);
        for (const { name, value, ifVersion, verdict } of writes)
          if (verdict === 'apply') store(workspace, name, { value: value.slice(), version: ifVersion + 1, writeId, deleted: false });
      }),

    delete: (workspace, name, write, call) =>
      lifetime.run(call, () => {
        checkSecretWrite(write);
        const present = secretsOf(workspace).get(parseSecretName(name));
        if (!present && write.ifVersion === 0) return { version: 0 };
        const version = write.ifVersion + 1;
        if (judgeSecretWrite(name, present, write, 'delete') === 'apply')
          store(workspace, name, { value: new Uint8Array(0), version, writeId: write.writeId, deleted: true });
        return { version };
      }),

    names: (workspace, query, call) =>
      lifetime.run(call, () => {
        const limit = parseLimit(query.limit);
        const { after } = query;
        const names = living(workspace).map(([name]) => name);
        return pageOf(names.filter((name) => after === undefined || name > after).slice(0, limit + 1), limit, (name) => name);
      }),

    drop: (workspace, call) =>
      lifetime.run(call, () => {
        place.secrets.delete(parseWorkspaceId(workspace));
      }),

    close: () => lifetime.close(),
  };
}
