import type { CallOptions } from '@spacestore/core';
import type { Gate } from './gate.ts';
import type { Grant } from './grant.ts';
import type { ServiceParts } from './stores.ts';

/** What a workspace uses, and what it may use. */
export interface WorkspaceUsage {
  readonly records: number;
  readonly logBytes: number;
  readonly files: number;
  readonly fileBytes: number;
  readonly limits: { readonly records: number; readonly logBytes: number; readonly files: number; readonly fileBytes: number };
}

export interface UsageReport {
  readonly get: (grant: Grant, call?: CallOptions) => Promise<WorkspaceUsage>;
}

export function usageReport({
  ops,
  directory,
  limits,
  gate,
}: Pick<ServiceParts, 'ops' | 'directory' | 'limits'> & { readonly gate: Gate }): UsageReport {
  return {
    get: async (grant, call) => {
      await gate.require(grant, 'usage.read');
      const [head, usage] = await Promise.all([ops.head(grant.workspace, call), directory.usage(grant.workspace, call)]);
      return {
        records: head?.records ?? 0,
        logBytes: head?.bytes ?? 0,
        files: usage.files,
        fileBytes: usage.fileBytes,
        limits: {
          records: limits.workspaceRecords,
          logBytes: limits.workspaceLogBytes,
          files: limits.workspaceFiles,
          fileBytes: limits.workspaceFileBytes,
        },
      };
    },
  };
}
