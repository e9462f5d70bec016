import { createHash } from 'node:crypto';
import { type BlobKey, canonicalJson, parseCanonical, StoreError, staticKey, varKey, type WorkspaceEntry } from '@spacestore/core';
import type { SignedStatements } from '../keys/signed-statement.ts';

/** One backup, as it is told to callers and kept beside the bytes. */
export interface BackupManifest {
  /** 1, 2, 3, … over the life of the catalogue, also after older ones went. */
  readonly sequence: number;
  /** Milliseconds since 1970. */
  readonly takenAt: number;
  readonly takenBy: string;
  /** The snapshot is the static blob of this hash. */
  readonly snapshot: { readonly sha256: string; readonly sizeBytes: number };
  /** What the log had when the backup began: the snapshot has it, and perhaps what came while it was made. */
  readonly log: { readonly incarnation: string; readonly position: number; readonly records: number; readonly bytes: number };
  readonly files: { readonly files: number; readonly fileBytes: number };
  /** Digest of the manifest before; absent in the first. */
  readonly previous?: string;
}

export interface BackupCatalogue {
  readonly format: 1;
  readonly workspace: Pick<WorkspaceEntry, 'id' | 'name' | 'owner' | 'codec' | 'createdAt'>;
  /** Oldest first. */
  readonly backups: readonly BackupManifest[];
}

/** Where the catalogue lies below a workspace's backup root: one blob, replaced by compare-and-set. */
export const catalogueKey: BlobKey = varKey('0'.repeat(31).concat('1'));
export const maxCatalogueBytes: number = 4 * 1024 * 1024;

export function snapshotKey({ snapshot }: BackupManifest): BlobKey {
  return staticKey(snapshot.sha256);
}

export function manifestDigest(manifest: BackupManifest): string {
  return digestOf(manifest);
}

/** The catalogue as bytes: canonical JSON, and the server's signature over its digest. */
export async function encodeCatalogue(catalogue: BackupCatalogue, signer: SignedStatements): Promise<Uint8Array> {
  const signature = await signer.sign({ digest: digestOf(catalogue) });
  return Buffer.from(canonicalJson({ ...catalogue, signature }), 'utf8');
}

/** Throws: corrupt, unless this server signed it, for this workspace, and every manifest follows from the one before. */
export async function decodeCatalogue(bytes: Uint8Array, workspace: string, signer: SignedStatements): Promise<BackupCatalogue> {
  const { signature, ...rest } = objectOf(bytes);
  const signed = await signer.verify(typeof signature === 'string' ? signature : '').catch((cause: unknown) => {
    throw broken('it was not signed by this server, or with a key that is not in the ring any more', cause);
  });
  if (signed.digest !== digestOf(rest)) throw broken('it was changed after it was signed');
  const catalogue = rest as unknown as BackupCatalogue;
  if (catalogue.format !== 1) throw new StoreError('unsupported', 'the catalogue of backups is of a newer version');
  if (catalogue.workspace.id !== workspace) throw broken('it is of another workspace');
  for (const [index, { sequence, previous }] of catalogue.backups.entries()) {
    const before = catalogue.backups[index - 1];
    if (before && (sequence !== before.sequence + 1 || previous !== manifestDigest(before))) throw broken('its chain is broken');
  }
  return catalogue;
}

function objectOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseCanonical(bytes);
  } catch (cause) {
    throw broken('it is not JSON of its form', cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw broken('it is not JSON of its form');
  return value as Readonly<Record<string, unknown>>;
}

function digestOf(value: object): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}

function broken(why: string, cause?: unknown): StoreError {
  return new StoreError('corrupt', `the catalogue of backups can't be trusted: ${why}`, { cause });
}
