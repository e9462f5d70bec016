import type { CallOptions, Head, OpRecord, OpStore, WorkspaceId } from '@spacestore/core';
import { LRUCache } from 'lru-cache';

/** What is known of a log's size: never below what this process stored itself, perhaps behind what others stored. */
export interface LogSize {
  maxCounter: number;
  records: number;
  bytes: number;
  /** Records noted since it was read: past an allowance it is read again, so that other servers' appends count too. */
  noted: number;
}

export interface LogSizes {
  /** Without waiting, if it was read before and is fresh enough. */
  readonly cached: (workspace: WorkspaceId) => LogSize | undefined;
  readonly read: (workspace: WorkspaceId, call?: CallOptions) => Promise<LogSize>;
  /** As `read`, but all who ask while one is being read share it: it may be a moment older than the question. */
  readonly share: (workspace: WorkspaceId) => Promise<LogSize>;
  /** Takes over what somebody read, where nothing is known. */
  readonly learn: (workspace: WorkspaceId, head: Head) => void;
  /** `bytes` is the sum of the bodies. */
  readonly note: (workspace: WorkspaceId, records: readonly OpRecord[], bytes: number) => void;
  readonly forget: (workspace: WorkspaceId) => void;
}

/** Records that may be added before a log's size is read again: how far a quota can be overshot by each server. */
const allowance = 10_000;

export function logSizes(ops: OpStore): LogSizes {
  const sizes = new LRUCache<WorkspaceId, LogSize>({ max: 50_000 });
  const reading = new Map<WorkspaceId, Promise<LogSize>>();
  const sizeOf = (head: Head | undefined): LogSize => ({
    maxCounter: head?.maxCounter ?? -1,
    records: head?.records ?? 0,
    bytes: head?.bytes ?? 0,
    noted: 0,
  });
  const read: LogSizes['read'] = async (workspace, call) => {
    const size = sizeOf(await ops.head(workspace, call));
    sizes.set(workspace, size);
    return size;
  };
  return {
    cached: (workspace) => {
      const size = sizes.get(workspace);
      return size && size.noted < allowance ? size : undefined;
    },
    read,
    share: (workspace) => {
      const shared = reading.get(workspace) ?? read(workspace).finally(() => reading.delete(workspace));
      reading.set(workspace, shared);
      return shared;
    },
    learn: (workspace, head) => {
      if (!sizes.has(workspace)) sizes.set(workspace, sizeOf(head));
    },
    note: (workspace, records, bytes) => {
      const size = sizes.get(workspace);
      if (!size) return;
      size.noted += records.length;
      size.records += records.length;
      size.bytes += bytes;
      for (const { counter } of records) if (counter > size.maxCounter) size.maxCounter = counter;
    },
    forget: (workspace) => void sizes.delete(workspace),
  };
}
