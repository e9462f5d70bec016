import { checkListQuery } from '../check-queries.ts';
import {
  checkSecretEntries,
  checkSecretValue,
  checkSecretWrite,
  judgeSecretWrite,
  parseWriteId,
  type SecretState,
  secretConflict,
} from '../check-secrets.ts';
import type {
  NamedSecret,
  SecretEntry,
  SecretStore,
  SecretStoreCapabilities,
  SecretValue,
  SecretWrite,
} from '../contracts/secret-store.ts';
import { parseSecretName, parseWorkspaceId, type SecretName } from '../ids.ts';
import { createLifetime } from '../lifetime.ts';
import { pageOf } from '../paging.ts';
import type { SqlWorkspaces } from './database.ts';
import { bytesOf } from './log/body-text.ts';
import { type SecretStatements, sqliteSecrets } from './secret-statements.ts';
import { row, rows, run, type Sql, type SqlValue } from './sql.ts';

/** Secrets in the workspaces' databases, as they are handed in: the seal layer is what makes them unreadable at rest. */
export function sqlSecretStore(
  workspaces: SqlWorkspaces,
  capabilities: SecretStoreCapabilities,
  statements: SecretStatements = sqliteSecrets,
): SecretStore {
  const lifetime = createLifetime();
  const { maxValueBytes } = capabilities;
  return {
    contractVersion: 1,
    capabilities,

    get: (workspace, name, call) =>
      lifetime.run(call, () => {
        const parsed = parseSecretName(name);
        return workspaces.read(parseWorkspaceId(workspace), () => readSecret(statements, parsed));
      }),

    getAll: (workspace, call) =>
      lifetime.run(call, async () => (await workspaces.read(parseWorkspaceId(workspace), () => readAll(statements))) ?? []),

    set: (workspace, name, value, write, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        const parsed = parseSecretName(name);
        checkSecretWrite(write);
        checkSecretValue(value, maxValueBytes);
        const entry = { name: parsed, value: value.slice(), ifVersion: write.ifVersion };
        await workspaces.write(id, true, () => setSecrets(statements, [entry], write.writeId));
        return { version: write.ifVersion + 1 };
      }),

    setAll: (workspace, entries, writeId, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        checkSecretEntries(entries, writeId, maxValueBytes);
        const copies = entries.map(({ name, value, ifVersion }) => ({ name, value: value.slice(), ifVersion }));
        if (copies.length > 0) await workspaces.write(id, true, () => setSecrets(statements, copies, parseWriteId(writeId)));
      }),

    delete: (workspace, name, write, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        const parsed = parseSecretName(name);
        checkSecretWrite(write);
        const done = await workspaces.write(id, false, () => deleteSecret(statements, parsed, write));
        if (done === undefined && write.ifVersion > 0) throw secretConflict(parsed, 0);
        return { version: done ?? 0 };
      }),

    names: (workspace, query, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        const { after, limit } = checkListQuery(query, parseSecretName);
        const found = await workspaces.read(id, () => rows(statements.names, after ?? '', limit + 1));
        return pageOf(
          (found ?? []).map(([name]) => name as SecretName),
          limit,
          (name) => name,
        );
      }),

    drop: (workspace, call) =>
      lifetime.run(call, async () => {
        const id = parseWorkspaceId(workspace);
        await workspaces.write(id, false, () => run(statements.drop));
        await workspaces.tidy(id);
      }),

    close: () => lifetime.close(() => workspaces.release()),
  };
}

function* readSecret({ get }: SecretStatements, name: SecretName): Sql<SecretValue | undefined> {
  const found = yield* row(get, name);
  return found && { value: bytesOf(found[0] as SqlValue), version: found[1] as number };
}

function* readAll({ all }: SecretStatements): Sql<readonly NamedSecret[]> {
  const found = yield* rows(all);
  return found.map(([name, value, version]) => ({
    name: name as SecretName,
    value: bytesOf(value as SqlValue),
    version: version as number,
  }));
}

/** What was ever written under a name; a tombstone has no value. */
function* readState({ state }: SecretStatements, name: SecretName): Sql<SecretState | undefined> {
  const found = yield* row(state, name);
  return found && { version: found[0] as number, writeId: found[1] as string, deleted: found[2] === 1 };
}

function* setSecrets(statements: SecretStatements, entries: readonly SecretEntry[], writeId: string): Sql<true> {
  const states = new Map<SecretName, SecretState | undefined>();
  for (const { name } of entries) states.set(name, yield* readState(statements, name));
  const verdicts = entries.map(({ name, ifVersion }) => judgeSecretWrite(name, states.get(name), { ifVersion, writeId }, 'set'));
  // All of one call were made together: where some are, the rest was changed by somebody else (or the workspace dropped).
  const odd = entries.find((_, i) => verdicts[i] !== verdicts[0]);
  if (odd) throw secretConflict(odd.name, states.get(odd.name)?.version ?? 0);
  if (verdicts[0] === 'apply')
    for (const { name, value, ifVersion } of entries) yield* run(statements.write, name, statements.stored(value), ifVersion + 1, writeId);
  return true;
}

function* deleteSecret(statements: SecretStatements, name: SecretName, write: SecretWrite): Sql<number> {
  const present = yield* readState(statements, name);
  if (!present && write.ifVersion === 0) return 0;
  const version = write.ifVersion + 1;
  if (judgeSecretWrite(name, present, write, 'delete') === 'apply') yield* run(statements.write, name, null, version, write.writeId);
  return version;
}
