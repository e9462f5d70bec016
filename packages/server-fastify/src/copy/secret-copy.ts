import { randomBytes } from 'node:crypto';
import {
  type CallOptions,
  hasCode,
  type NamedSecret,
  type SecretName,
  type SecretStore,
  StoreError,
  type WorkspaceId,
} from '@spacestore/core';

/** The target has the secrets of the source under the same versions, sealed with its own key, and no others. Resolves with their number. A version is
 *  reached by writing that often: compare-and-set knows no other way. Throws: conflict, if the target is ahead of the source. */
export async function copySecrets(source: SecretStore, target: SecretStore, workspace: WorkspaceId, call?: CallOptions): Promise<number> {
  const wanted = await source.getAll(workspace, call);
  const present = new Map((await target.getAll(workspace, call)).map((secret) => [secret.name, secret]));
  for (const secret of wanted) {
    const there = present.get(secret.name);
    present.delete(secret.name);
    if (!there || there.version !== secret.version || Buffer.compare(there.value, secret.value) !== 0)
      await bringTo(target, workspace, secret, there?.version ?? 0, call);
  }
  for (const { name, version } of present.values())
    await target.delete(workspace, name, { ifVersion: version, writeId: newWriteId() }, call);
  return wanted.length;
}

/** Names of secrets that are not the same on both sides. */
export async function compareSecrets(
  source: SecretStore,
  target: SecretStore,
  workspace: WorkspaceId,
  call?: CallOptions,
): Promise<readonly SecretName[]> {
  const [left, right] = [await source.getAll(workspace, call), await target.getAll(workspace, call)];
  const there = new Map(right.map((secret) => [secret.name, secret]));
  const different = left.filter(({ name, value, version }) => {
    const other = there.get(name);
    there.delete(name);
    return other?.version !== version || Buffer.compare(other.value, value) !== 0;
  });
  return [...different.map(({ name }) => name), ...there.keys()];
}

async function bringTo(
  target: SecretStore,
  workspace: WorkspaceId,
  { name, value, version }: NamedSecret,
  from: number,
  call: CallOptions | undefined,
): Promise<void> {
  let at = from;
  while (at < version) {
    try {
      at = (await target.set(workspace, name, value, { ifVersion: at, writeId: newWriteId() }, call)).version;
    } catch (error) {
      // A name that was deleted in the target keeps its version, which only the refusal tells.
      const present = hasCode(error, 'conflict') ? error.context.version : undefined;
      if (typeof present !== 'number' || present <= at || present >= version) throw error;
      at = present;
    }
  }
  if (at > version || from === version)
    throw new StoreError('conflict', 'the target has a later version of a secret: copy into a place that does not have it', {
      context: { workspace, name, version, there: at },
    });
}

function newWriteId(): string {
  return `copy-${randomBytes(12).toString('hex')}`;
}
