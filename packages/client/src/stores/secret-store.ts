import {
  checkListQuery,
  checkSecretEntries,
  checkSecretValue,
  createLifetime,
  hasCode,
  type NamedSecret,
  parseSecretName,
  parseWorkspaceId,
  type SecretName,
  type SecretStore,
  type SecretValue,
  type WorkspaceId,
} from '@spacestore/core';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { type HttpClient, segment } from './http.ts';
import type { WorkspaceAccess } from './workspace-access.ts';

interface ValueJson {
  readonly value: string;
  readonly version: number;
}

/** A server's secrets as a SecretStore. */
export function remoteSecretStore(http: HttpClient, access: WorkspaceAccess, maxValueBytes: number): SecretStore {
  const lifetime = createLifetime();
  const all = (workspace: WorkspaceId): string => `/workspaces/${segment(parseWorkspaceId(workspace))}/secret-values`;
  const names = (workspace: WorkspaceId): string => `/workspaces/${segment(parseWorkspaceId(workspace))}/secrets`;
  const one = (workspace: WorkspaceId, name: SecretName): string => `${names(workspace)}/${segment(parseSecretName(name))}`;

  return {
    contractVersion: 1,
    // What the server's own store promises is not told over the wire.
    capabilities: { durable: 'none', multiHandle: true, multiProcess: true, sealed: false, maxValueBytes },

    get: (workspace, name, call) =>
      lifetime.run(call, async (): Promise<SecretValue | undefined> => {
        try {
          const ask = () => http.json({ method: 'GET', path: one(workspace, name) }, call) as Promise<ValueJson>;
          const { value, version } = await ask();
          return { value: decodeBase64(value), version };
        } catch (error) {
          // A missing secret is named; without the name it is the workspace that is not there for this caller.
          if (hasCode(error, 'not_found') && error.context.name === name) return undefined;
          return access.read<undefined>(
            workspace,
            () => Promise.reject(error),
            () => undefined,
            call,
          );
        }
      }),

    getAll: (workspace, call) =>
      lifetime.run(call, () =>
        access.read<readonly NamedSecret[]>(
          workspace,
          async () => {
            const { items } = (await http.json({ method: 'GET', path: all(workspace) }, call)) as {
              items: readonly (ValueJson & { name: string })[];
            };
            return items.map(({ name, value, version }) => ({ name: parseSecretName(name), value: decodeBase64(value), version }));
          },
          () => [],
          call,
        ),
      ),

    set: (workspace, name, value, { ifVersion, writeId }, call) =>
      lifetime.run(call, () => {
        checkSecretValue(value, maxValueBytes);
        const json = { value: encodeBase64(value), ifVersion, writeId };
        return access.change(
          workspace,
          () => http.json({ method: 'PUT', path: one(workspace, name), json }) as Promise<{ version: number }>,
        );
      }),

    setAll: (workspace, entries, writeId, call) =>
      lifetime.run(call, async () => {
        checkSecretEntries(entries, writeId, maxValueBytes);
        const json = { entries: entries.map(({ name, value, ifVersion }) => ({ name, value: encodeBase64(value), ifVersion })), writeId };
        await access.change(workspace, () => http.call({ method: 'PUT', path: all(workspace), json }));
      }),

    delete: (workspace, name, { ifVersion, writeId }, call) =>
      lifetime.run(call, () =>
        access.change(
          workspace,
          () => http.json({ method: 'DELETE', path: one(workspace, name), query: { ifVersion, writeId } }) as Promise<{ version: number }>,
        ),
      ),

    names: (workspace, query, call) =>
      lifetime.run(call, async () => {
        const checked = checkListQuery(query, parseSecretName);
        const ask = () =>
          http.json({ method: 'GET', path: names(workspace), query: checked }, call) as Promise<{
            items: readonly string[];
            next?: { after?: string };
          }>;
        const { items, next } = await access.read(workspace, ask, () => ({ items: [] }), call);
        return {
          items: items.map(parseSecretName),
          ...(next?.after !== undefined && { next: { after: next.after, limit: checked.limit } }),
        };
      }),

    /** Only with the workspace itself: its secrets' versions would outlive a deletion one by one. */
    drop: (workspace, call) =>
      lifetime.run(call, async () => {
        const path = `/workspaces/${segment(parseWorkspaceId(workspace))}`;
        await access.read<unknown>(
          workspace,
          () => http.call({ method: 'DELETE', path }),
          () => undefined,
        );
      }),

    close: () => lifetime.close(),
  };
}
