import {
  type Directory,
  type FileIndex,
  hasCode,
  parseBlobRoot,
  parsePeerId,
  parseSecretName,
  parseUserId,
  parseWorkspaceId,
  type SecretStore,
  staticKey,
  varKey,
  type WorkspaceId,
} from '@spacestore/core';
import fc from 'fast-check';

/** One call of a store, for tests that try any sequence of them on two. */
export type StoreCall<Store> = (store: Store) => Promise<unknown>;

/** What a call answers, or why it was refused. */
export async function outcome(work: Promise<unknown>): Promise<unknown> {
  try {
    return await work;
  } catch (error) {
    if (hasCode(error, 'conflict', 'not_found', 'quota', 'invalid')) return [error.code, error.context];
    throw error;
  }
}

const workspace = fc.constantFrom('w', 'v').map(parseWorkspaceId);
const user = fc.constantFrom('ann', 'bob', 'cy').map(parseUserId);
const small = fc.integer({ min: 0, max: 3 });
const limit = fc.integer({ min: 1, max: 3 });
const text = fc.constantFrom('', 'x', 'ä\u{1F600}', '\0z');

function entryOf(id: WorkspaceId, owner: ReturnType<typeof parseUserId>) {
  return { id, name: 'n', owner, codec: 'opaque' as const, blobRoot: parseBlobRoot(`${owner}/${id}`), settings: { relay: true, app: {} } };
}

export function secretCalls(): fc.Arbitrary<StoreCall<SecretStore>> {
  const name = fc.constantFrom('a', 'B', 'b').map(parseSecretName);
  const writeId = fc.constantFrom('w1', 'w2');
  const bytes = fc.oneof(
    text.map((value) => new TextEncoder().encode(value)),
    fc.constant(new Uint8Array([0xff, 0xfe])),
  );
  type Call = StoreCall<SecretStore>;
  return fc.oneof(
    fc.tuple(workspace, name, bytes, small, writeId).map(
      ([w, n, v, ifVersion, id]): Call =>
        (s) =>
          s.set(w, n, v, { ifVersion, writeId: id }),
    ),
    fc.tuple(workspace, name, small, writeId).map(
      ([w, n, ifVersion, id]): Call =>
        (s) =>
          s.delete(w, n, { ifVersion, writeId: id }),
    ),
    fc.tuple(workspace, fc.uniqueArray(name, { maxLength: 3 }), bytes, small, writeId).map(
      ([w, names, value, ifVersion, id]): Call =>
        (s) =>
          s.setAll(
            w,
            names.map((n) => ({ name: n, value, ifVersion })),
            id,
          ),
    ),
    workspace.map(
      (w): Call =>
        (s) =>
          s.getAll(w),
    ),
    fc.tuple(workspace, name).map(
      ([w, n]): Call =>
        (s) =>
          s.get(w, n),
    ),
    fc.tuple(workspace, limit).map(
      ([w, count]): Call =>
        (s) =>
          s.names(w, { limit: count }),
    ),
    workspace.map(
      (w): Call =>
        (s) =>
          s.drop(w),
    ),
  );
}

export function fileCalls(): fc.Arbitrary<StoreCall<FileIndex>> {
  const key = fc.constantFrom(staticKey('ab'.repeat(32)), staticKey('0c'.repeat(32)), varKey('0'.repeat(32)));
  const state = fc.constantFrom('pending' as const, 'ready' as const, 'deleting' as const);
  type Call = StoreCall<FileIndex>;
  return fc.oneof(
    fc.tuple(workspace, key, small, state, fc.option(text, { nil: undefined })).map(
      ([w, k, n, s, name]): Call =>
        (store) =>
          store.put(w, { key: k, sizeBytes: n, createdAt: n, state: s, ...(name === undefined ? {} : { name }) }),
    ),
    fc.tuple(workspace, key, small, fc.option(state), fc.boolean()).map(
      ([w, k, n, s, stale]): Call =>
        async (store) =>
          store.replace(
            w,
            k,
            stale ? { key: k, sizeBytes: n, createdAt: n, state: 'ready' } : await store.get(w, k),
            s === null ? undefined : { key: k, sizeBytes: n + 1, createdAt: n, state: s },
          ),
    ),
    fc.tuple(workspace, key, fc.option(text), fc.constantFrom({}, { mimeType: 'a/b' }, { mimeType: null })).map(
      ([w, k, name, patch]): Call =>
        (store) =>
          store.patch(w, k, { ...patch, name }),
    ),
    fc.tuple(workspace, limit, fc.option(state), fc.constantFrom(null, 'static' as const, 'var' as const), fc.option(key)).map(
      ([w, count, s, kind, after]): Call =>
        (store) =>
          store.list(w, { limit: count, ...(s && { state: s }), ...(kind && { kind }), ...(after && { after }) }),
    ),
    fc.tuple(workspace, key).map(
      ([w, k]): Call =>
        (store) =>
          store.delete(w, k),
    ),
    fc.tuple(workspace, key).map(
      ([w, k]): Call =>
        (store) =>
          store.get(w, k),
    ),
    workspace.map(
      (w): Call =>
        (store) =>
          store.drop(w),
    ),
  );
}

export function directoryCalls(): fc.Arbitrary<StoreCall<Directory>> {
  const role = fc.constantFrom('owner', 'admin', 'viewer', undefined);
  const peers = fc.uniqueArray(fc.constantFrom('p1', 'p2', 'p3').map(parsePeerId), { maxLength: 3 });
  const counts = fc.record({ fileBytes: fc.integer({ min: -5, max: 9 }), files: fc.integer({ min: -1, max: 2 }) });
  const state = fc.constantFrom(undefined, 'active' as const, 'deleting' as const);
  type Call = StoreCall<Directory>;
  return fc.oneof(
    {
      weight: 3,
      arbitrary: fc.tuple(workspace, user).map(
        ([id, owner]): Call =>
          (d) =>
            d.create(entryOf(id, owner)),
      ),
    },
    fc.tuple(workspace, text).map(
      ([w, name]): Call =>
        (d) =>
          d.update(w, { name, settings: { relay: false, app: { a: [name] } } }),
    ),
    workspace.map(
      (w): Call =>
        (d) =>
          d.get(w),
    ),
    workspace.map(
      (w): Call =>
        (d) =>
          d.beginDelete(w),
    ),
    workspace.map(
      (w): Call =>
        (d) =>
          d.endDelete(w),
    ),
    fc.tuple(limit, fc.option(user, { nil: undefined }), state).map(
      ([count, member, s]): Call =>
        (d) =>
          d.list({ limit: count, ...(member && { member }), ...(s && { state: s }) }),
    ),
    fc.tuple(workspace, user).map(
      ([w, u]): Call =>
        (d) =>
          d.membership(w, u),
    ),
    fc.tuple(workspace, limit).map(
      ([w, count]): Call =>
        (d) =>
          d.members(w, { limit: count }),
    ),
    fc.tuple(workspace, user, role, fc.constantFrom(undefined, 'none' as const, 'viewer' as const)).map(
      ([w, u, r, ifRole]): Call =>
        (d) =>
          d.setMember(w, u, r as 'admin' | undefined, ifRole && { ifRole }),
    ),
    fc.tuple(workspace, user).map(
      ([w, u]): Call =>
        (d) =>
          d.transfer(w, u),
    ),
    fc.tuple(workspace, user, peers, small).map(
      ([w, u, list, most]): Call =>
        (d) =>
          d.bindPeers(w, u, list, most),
    ),
    fc.tuple(workspace, limit).map(
      ([w, count]): Call =>
        (d) =>
          d.peers(w, { limit: count }),
    ),
    fc.tuple(workspace, counts).map(
      ([w, delta]): Call =>
        (d) =>
          d.addUsage(w, delta, { fileBytes: 12, files: 3 }),
    ),
    workspace.map(
      (w): Call =>
        (d) =>
          d.usage(w),
    ),
    user.map(
      (u): Call =>
        (d) =>
          d.countOwned(u),
    ),
    fc.tuple(workspace, user).map(
      ([w, u]): Call =>
        (d) =>
          d.audit({ workspace: w, user: u, action: 'tried', outcome: 'refused', detail: { n: 1 } }),
    ),
    fc.tuple(limit, fc.option(workspace, { nil: undefined })).map(
      ([count, w]): Call =>
        (d) =>
          d.auditLog({ limit: count, ...(w && { workspace: w }) }),
    ),
    fc.constant<Call>((d) => d.verifyAudit()),
  );
}
