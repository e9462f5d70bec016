import { compareIds, type SecretName, type WorkspaceId } from '@spacestore/core';

/** What is known of a name that was ever written; no value means a tombstone. */
export interface ModelSecret {
  readonly version: number;
  readonly writeId: string;
  readonly value?: Uint8Array;
}

/** What a secret store is: the last write of each name, by workspace. */
export type SecretModel = Map<WorkspaceId, Map<SecretName, ModelSecret>>;

export interface ModelWrite {
  readonly name: SecretName;
  /** Absent: a delete. */
  readonly value?: Uint8Array;
  readonly ifVersion: number;
}

/** What must come of a write: a new version, the one an earlier try made, nothing (a delete of nothing), or a conflict with the version told. */
export type WriteVerdict =
  | { readonly kind: 'made' | 'repeated'; readonly version: number }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'conflict'; readonly version: number };

export const secretIn = (model: SecretModel, workspace: WorkspaceId, name: SecretName): ModelSecret | undefined =>
  model.get(workspace)?.get(name);

function judge(present: ModelSecret | undefined, { ifVersion, value }: ModelWrite, writeId: string): WriteVerdict {
  const version = present?.version ?? 0;
  const isDelete = value === undefined;
  if (isDelete && present === undefined && ifVersion === 0) return { kind: 'nothing' };
  if (version === ifVersion) return { kind: 'made', version: version + 1 };
  const same = present?.writeId === writeId && (present.value === undefined) === isDelete;
  return version === ifVersion + 1 && same ? { kind: 'repeated', version } : { kind: 'conflict', version };
}

/** Applies one write and tells what must come of it. */
export function writeSecret(model: SecretModel, workspace: WorkspaceId, write: ModelWrite, writeId: string): WriteVerdict {
  const verdict = judge(secretIn(model, workspace, write.name), write, writeId);
  if (verdict.kind === 'made') put(model, workspace, write, verdict.version, writeId);
  return verdict;
}

/** Applies several writes, all or none; the first conflict decides. A call that was made before is a repetition as a whole. */
export function writeSecrets(model: SecretModel, workspace: WorkspaceId, writes: readonly ModelWrite[], writeId: string): WriteVerdict {
  const verdicts = writes.map((write) => judge(secretIn(model, workspace, write.name), write, writeId));
  const conflict = verdicts.find(({ kind }) => kind === 'conflict') ?? verdicts.find(({ kind }) => kind !== verdicts[0]?.kind);
  if (conflict) return { kind: 'conflict', version: conflict.kind === 'nothing' ? 0 : conflict.version };
  for (const [i, verdict] of verdicts.entries())
    if (verdict.kind === 'made') put(model, workspace, writes[i] as ModelWrite, verdict.version, writeId);
  return verdicts[0] ?? { kind: 'nothing' };
}

function put(model: SecretModel, workspace: WorkspaceId, { name, value }: ModelWrite, version: number, writeId: string): void {
  const secrets = model.get(workspace) ?? new Map<SecretName, ModelSecret>();
  model.set(workspace, secrets.set(name, { version, writeId, ...(value === undefined ? {} : { value }) }));
}

/** Names with a value, in byte order. */
export const livingNames = (model: SecretModel, workspace: WorkspaceId): readonly SecretName[] =>
  [...(model.get(workspace) ?? [])].flatMap(([name, { value }]) => (value === undefined ? [] : [name])).sort(compareIds);
