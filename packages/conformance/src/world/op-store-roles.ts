import { isStoreError, type PeerId, type TreeId, type WorkspaceId } from '@spacestore/core';
import type { Json } from '../subject.ts';
import type { ChildRole } from './child-job.ts';

/** Batches a child appends one after the other: batch `n` holds `size` records of its own peer from counter `n * size` on. */
export interface WriterPlan {
  readonly workspace: string;
  readonly trees: readonly string[];
  readonly peer: string;
  readonly batches: number;
  readonly size: number;
  readonly bodyBytes: number;
  /** Calls under way at once. */
  readonly width: number;
}

/** The body of a planned record: computable by the parent, unlike any other. */
export function plannedBody(peer: string, counter: number, bytes: number): Uint8Array {
  const text = `${peer}/${counter}/`;
  return new TextEncoder().encode(text.padEnd(bytes, `${counter}.`));
}

/** The tree of a planned record: a batch spans trees. */
export const plannedTree = (plan: WriterPlan, counter: number): string => plan.trees[counter % plan.trees.length] as string;

const writer: ChildRole<'op-store'> = async (store, plan, port) => {
  const work = plan as unknown as WriterPlan;
  await port.go;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < work.batches) {
      const batch = next++;
      const records = Array.from({ length: work.size }, (_, i) => {
        const counter = batch * work.size + i;
        const tree = plannedTree(work, counter) as TreeId;
        return { tree, peer: work.peer as PeerId, counter, body: plannedBody(work.peer, counter, work.bodyBytes) };
      });
      const begun = process.hrtime.bigint();
      try {
        await store.append(work.workspace as WorkspaceId, records);
        port.tell(`ack ${batch} ${begun} ${process.hrtime.bigint()}`);
      } catch (error) {
        if (!isStoreError(error)) throw error;
        port.tell(`refused ${batch} ${error.code}`);
      }
    }
  };
  await Promise.all(Array.from({ length: work.width }, lane));
};

/** Opens, reads a workspace's head, and goes on to the end: recovery under a kill. */
const opener: ChildRole<'op-store'> = async (store, plan, port) => {
  await port.go;
  const head = await store.head((plan as { readonly workspace: Json }).workspace as WorkspaceId);
  port.tell(`head ${head?.position ?? 'none'}`);
};

export const opStoreRoles: Readonly<Record<string, ChildRole<'op-store'>>> = { writer, opener };
