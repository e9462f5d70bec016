import type { SecretName, SecretStore, WorkspaceId } from '@spacestore/core';
import { eachItem } from '@spacestore/core';
import { LawBroken } from '../../check/broken.ts';
import { equalBytes } from '../../check/digest.ts';
import { holds, same, show } from '../../check/expect.ts';
import { livingNames, type SecretModel, secretIn } from '../../model/secret-store.ts';

/** Throws unless the secret is this value at this version. */
export async function expectSecret(
  store: SecretStore,
  workspace: WorkspaceId,
  name: SecretName,
  value: Uint8Array,
  version: number,
  what: string,
): Promise<void> {
  const found = await store.get(workspace, name);
  if (found === undefined) throw new LawBroken(`${what}: ${name} is not there`);
  same(found.version, version, `${what}: version of ${name}`);
  holds(found.value instanceof Uint8Array, `${what}: the value of ${name} is no bytes`);
  if (!equalBytes(found.value, value)) throw new LawBroken(`${what}: value of ${name}: expected ${show(value)}, got ${show(found.value)}`);
}

/** Throws unless get, getAll and names tell of a workspace what the model says. */
export async function expectWorkspace(store: SecretStore, model: SecretModel, workspace: WorkspaceId, what: string): Promise<void> {
  const living = livingNames(model, workspace);
  for (const limit of [1, 2, 100]) {
    const names: SecretName[] = [];
    for await (const name of eachItem((query) => store.names(workspace, query), limit)) names.push(name);
    same(names, living, `${what}: names by ${limit}`);
  }
  const all = await store.getAll(workspace);
  same(
    all.map(({ name }) => name),
    living,
    `${what}: names of getAll`,
  );
  for (const [i, name] of living.entries()) {
    const { value, version } = secretIn(model, workspace, name) as { readonly value: Uint8Array; readonly version: number };
    const listed = all[i];
    holds(listed !== undefined && equalBytes(listed.value, value), `${what}: value of ${name} in getAll`);
    same(listed.version, version, `${what}: version of ${name} in getAll`);
    await expectSecret(store, workspace, name, value, version, what);
  }
  for (const [name, { value }] of model.get(workspace) ?? [])
    if (value === undefined) same(await store.get(workspace, name), undefined, `${what}: ${name}, which was deleted`);
}
