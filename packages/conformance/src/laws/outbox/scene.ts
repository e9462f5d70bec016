import type { OpRecord, Outbox, OutboxBatch, WorkspaceId } from '@spacestore/core';
import { LawBroken } from '../../check/broken.ts';
import { equalBytes } from '../../check/digest.ts';
import { holds, same } from '../../check/expect.ts';
import { words } from '../../check/words.ts';
import { type BoxModel, keyOfRecord } from '../../model/outbox.ts';

/** Batches in words: `1[a/b:0..2] 3[a/b:5]`. */
export const batchWords = (batches: readonly OutboxBatch[]): string =>
  batches.map(({ batch, records }) => `${batch}[${words(records)}]`).join(' ');

/** Every batch without a verdict, page by page. */
export async function allPending(outbox: Outbox, workspace: WorkspaceId, limit: number): Promise<readonly OutboxBatch[]> {
  const batches: OutboxBatch[] = [];
  for (;;) {
    const page = await outbox.pending(workspace, batches.at(-1)?.batch ?? 0, limit);
    holds(page.length <= limit, `pending gave ${page.length} batches for a limit of ${limit}`);
    batches.push(...page);
    if (page.length < limit) return batches;
  }
}

/** Throws unless pending, quarantine, counts and named values are what the model says. */
export async function expectBox(outbox: Outbox, workspace: WorkspaceId, box: BoxModel, what: string): Promise<void> {
  for (const limit of [1, 3, 1000]) {
    const pending = await allPending(outbox, workspace, limit);
    same(batchWords(pending), batchWords(box.batches), `${what}: pending by ${limit}`);
    for (const [i, { records }] of box.batches.entries()) sameBodies(pending[i]?.records ?? [], records, `${what}: pending`);
  }
  const quarantine = await outbox.quarantine(workspace);
  const inWords = (items: BoxModel['quarantine']): string =>
    items
      .map(({ record, code }) => `${words([record])} ${code}`)
      .sort()
      .join(', ');
  same(inWords(quarantine), inWords(box.quarantine), `${what}: quarantine`);
  const byId = (items: BoxModel['quarantine']): readonly OpRecord[] =>
    items.map(({ record }) => record).sort((a, b) => (keyOfRecord(a) < keyOfRecord(b) ? -1 : 1));
  sameBodies(byId(quarantine), byId(box.quarantine), `${what}: quarantine`);
  const records = box.batches.reduce((sum, each) => sum + each.records.length, 0);
  same(await outbox.counts(workspace), { batches: box.batches.length, records, quarantined: box.quarantine.length }, `${what}: counts`);
  for (const [name, value] of box.state) same(await outbox.state(workspace, name), value, `${what}: state ${name}`);
}

function sameBodies(got: readonly OpRecord[], expected: readonly OpRecord[], what: string): void {
  expected.forEach((record, i) => {
    const other = got[i];
    if (!other || !equalBytes(other.body, record.body)) throw new LawBroken(`${what}: the body of ${words([record])} is another`);
  });
}
