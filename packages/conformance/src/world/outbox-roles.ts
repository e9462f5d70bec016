import type { OpRecord, PeerId, TreeId, WorkspaceId } from '@spacestore/core';
import type { ChildRole } from './child-job.ts';

/** Batches a child puts into an outbox, one after the other, while it acknowledges and refuses some. */
export interface OutboxPlan {
  readonly workspace: string;
  readonly batches: number;
  /** Records a batch. */
  readonly size: number;
}

export const plannedRecords = (batch: number, size: number): OpRecord[] =>
  Array.from({ length: size }, (_, i) => {
    const counter = batch * size + i;
    return { tree: 't' as TreeId, peer: 'p' as PeerId, counter, body: new TextEncoder().encode(`body ${counter} `.repeat(20)) };
  });

const adder: ChildRole<'outbox'> = async (outbox, plan, port) => {
  const { workspace, batches, size } = plan as unknown as OutboxPlan;
  const ws = workspace as WorkspaceId;
  await port.go;
  for (let n = 0; n < batches; n++) {
    const records = plannedRecords(n, size);
    const { batch } = await outbox.add(ws, records);
    port.tell(`added ${n} ${batch}`);
    if (n % 3 !== 2) continue;
    port.tell(`refusing ${n} ${batch}`);
    await outbox.verdict(ws, batch, { kind: 'refused', code: 'equivocation', ids: records.slice(0, 1) });
    port.tell(`refused ${n} ${batch}`);
  }
};

export const outboxRoles: Readonly<Record<string, ChildRole<'outbox'>>> = { adder };
