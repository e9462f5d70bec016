import { createHash } from 'node:crypto';

/** Lower-case hex sha256, by another implementation than the stores under test need to use. */
export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Bytes as a short text for messages: length and the beginning of the digest. */
export function brief(bytes: Uint8Array): string {
  return `${bytes.length} B #${digestOf(bytes).slice(0, 8)}`;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
