import type { CallOptions, WorkspaceId } from '@spacestore/core';
import type { ServiceParts } from './stores.ts';

/** Room for one file, taken from the workspace's quota before its bytes are stored. */
export interface Reservation {
  /** Takes as much as is needed for this many bytes. Throws: quota. */
  readonly grow: (bytes: number) => Promise<void>;
  /** Ends with what the file really added: bytes and files may be negative. */
  readonly settle: (bytes: number, files: number) => Promise<void>;
}

/** An upload of unknown length takes its room in steps of this size, not byte by byte. */
const stepBytes = 8 * 1024 * 1024;

/** Throws: quota, if there is no room for one more file of that size. */
export async function reserve(
  { directory, limits }: Pick<ServiceParts, 'directory' | 'limits'>,
  workspace: WorkspaceId,
  sizeBytes: number | undefined,
  call?: CallOptions,
): Promise<Reservation> {
  const most = { fileBytes: limits.workspaceFileBytes, files: limits.workspaceFiles };
  const noLimit = { fileBytes: Number.MAX_SAFE_INTEGER, files: Number.MAX_SAFE_INTEGER };
  let taken = sizeBytes ?? 0;
  await directory.addUsage(workspace, { fileBytes: taken, files: 1 }, most, call);
  return {
    grow: async (bytes) => {
      if (bytes <= taken) return;
      const step = Math.max(stepBytes, bytes - taken);
      await directory.addUsage(workspace, { fileBytes: step, files: 0 }, most, call);
      taken += step;
    },
    settle: async (bytes, files) => {
      const delta = { fileBytes: bytes - taken, files: files - 1 };
      if (delta.fileBytes !== 0 || delta.files !== 0) await directory.addUsage(workspace, delta, noLimit);
      taken = bytes;
    },
  };
}
