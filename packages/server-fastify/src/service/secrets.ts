import {
  type CallOptions,
  type ListQuery,
  type NamedSecret,
  type Page,
  type SecretEntry,
  type SecretName,
  type SecretValue,
  type SecretWrite,
  StoreError,
} from '@spacestore/core';
import type { Gate } from './gate.ts';
import type { Grant } from './grant.ts';
import type { ServiceParts } from './stores.ts';

/** A workspace's secrets, behind its roles; every change is in the audit by name and version, never by value. */
export interface Secrets {
  readonly names: (grant: Grant, query: ListQuery, call?: CallOptions) => Promise<Page<SecretName>>;
  /** Throws: not_found. */
  readonly get: (grant: Grant, name: SecretName, call?: CallOptions) => Promise<SecretValue>;
  readonly getAll: (grant: Grant, call?: CallOptions) => Promise<readonly NamedSecret[]>;
  readonly set: (
    grant: Grant,
    name: SecretName,
    value: Uint8Array,
    write: SecretWrite,
    call?: CallOptions,
  ) => Promise<{ readonly version: number }>;
  readonly setAll: (grant: Grant, entries: readonly SecretEntry[], writeId: string, call?: CallOptions) => Promise<void>;
  readonly delete: (grant: Grant, name: SecretName, write: SecretWrite, call?: CallOptions) => Promise<{ readonly version: number }>;
}

export function secrets(parts: Pick<ServiceParts, 'secrets' | 'directory' | 'limits'> & { readonly gate: Gate }): Secrets {
  const { secrets: store, directory, limits, gate } = parts;
  const maxBytes = Math.min(limits.secretBytes, store.capabilities.maxValueBytes);
  const checkSize = (name: SecretName, value: Uint8Array): void => {
    if (value.length > maxBytes)
      throw new StoreError('too_large', 'the secret is too large', { context: { name, sizeBytes: value.length, maxBytes } });
  };
  const audit = (grant: Grant, action: string, detail: Readonly<Record<string, unknown>>): Promise<void> =>
    directory.audit({ workspace: grant.workspace, user: grant.user, action, outcome: 'done', detail });

  return {
    names: async (grant, query, call) => {
      await gate.require(grant, 'secrets.read');
      return store.names(grant.workspace, { ...query, limit: Math.min(query.limit, limits.pageRecords) }, call);
    },
    get: async (grant, name, call) => {
      await gate.require(grant, 'secrets.read');
      const secret = await store.get(grant.workspace, name, call);
      if (!secret) throw new StoreError('not_found', 'no such secret', { context: { name } });
      return secret;
    },
    getAll: async (grant, call) => {
      await gate.require(grant, 'secrets.read');
      return store.getAll(grant.workspace, call);
    },
    set: async (grant, name, value, write, call) => {
      await gate.require(grant, 'secrets.write');
      checkSize(name, value);
      const written = await store.set(grant.workspace, name, value, write, call);
      await audit(grant, 'secrets.set', { name, version: written.version });
      return written;
    },
    setAll: async (grant, entries, writeId, call) => {
      await gate.require(grant, 'secrets.write');
      for (const { name, value } of entries) checkSize(name, value);
      await store.setAll(grant.workspace, entries, writeId, call);
      await audit(grant, 'secrets.set-all', { names: entries.length });
    },
    delete: async (grant, name, write, call) => {
      await gate.require(grant, 'secrets.write');
      const written = await store.delete(grant.workspace, name, write, call);
      await audit(grant, 'secrets.delete', { name, version: written.version });
      return written;
    },
  };
}
