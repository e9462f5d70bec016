import type { SecretEntry, SecretWrite } from './contracts/secret-store.ts';
import { StoreError } from './errors.ts';
import { parseCounter, parseSecretName, type SecretName } from './ids.ts';

const writeIdPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** What a store knows of a name that was ever written. */
export interface SecretState {
  readonly version: number;
  readonly writeId: string;
  /** The last write was a deletion. */
  readonly deleted: boolean;
}

/** Throws: invalid. */
export function parseWriteId(value: unknown): string {
  if (typeof value === 'string' && writeIdPattern.test(value)) return value;
  throw new StoreError('invalid', `write id must match ${writeIdPattern.source}`);
}

/** Throws: invalid, unless both fields are what they must be. */
export function checkSecretWrite(write: SecretWrite): void {
  parseWriteId(write?.writeId);
  parseCounter(write.ifVersion);
}

/** Throws: invalid for anything but bytes, too_large. */
export function checkSecretValue(value: unknown, maxValueBytes: number): void {
  if (!(value instanceof Uint8Array)) throw new StoreError('invalid', 'a secret value is bytes');
  if (value.length > maxValueBytes)
    throw new StoreError('too_large', `a secret value has at most ${maxValueBytes} bytes`, {
      context: { maxValueBytes, sizeBytes: value.length },
    });
}

/** Everything about a `setAll` that needs no look at what is stored. Throws: invalid (also for a name that comes twice), too_large. */
export function checkSecretEntries(entries: readonly SecretEntry[], writeId: string, maxValueBytes: number): void {
  parseWriteId(writeId);
  const names = new Set<SecretName>();
  for (const entry of entries) {
    const name = parseSecretName(entry.name);
    if (names.has(name)) throw new StoreError('invalid', 'a name comes twice in one call', { context: { name } });
    names.add(name);
    parseCounter(entry.ifVersion);
    checkSecretValue(entry.value, maxValueBytes);
  }
}

/** `apply` if the write is next, `repeated` if it is the very one that made the present version.
 *  Throws: conflict (context: name, version). */
export function judgeSecretWrite(
  name: SecretName,
  present: SecretState | undefined,
  write: SecretWrite,
  kind: 'set' | 'delete',
): 'apply' | 'repeated' {
  const version = present?.version ?? 0;
  if (version === write.ifVersion) return 'apply';
  if (version === write.ifVersion + 1 && present?.writeId === write.writeId && present.deleted === (kind === 'delete')) return 'repeated';
  throw secretConflict(name, version);
}

export function secretConflict(name: SecretName, version: number): StoreError {
  return new StoreError('conflict', 'the secret has another version', { context: { name, version } });
}
