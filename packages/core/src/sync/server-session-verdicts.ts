import type { AppendResult } from '../contracts/op-store.ts';
import type { RecordId } from '../contracts/outbox.ts';
import type { StoreError } from '../errors.ts';
import { parseCounter, parsePeerId, parseTreeId } from '../ids.ts';
import type { BatchResult } from './messages.ts';
import type { Attachment, EmitServer, Verdict } from './server-session-types.ts';

/** Takes a batch's place in the order of verdicts. False if its number is not the next one. */
export function expectVerdict(attachment: Attachment, batch: number): boolean {
  if (batch !== attachment.nextBatch) return false;
  attachment.nextBatch++;
  attachment.verdicts.push({ batch, settled: false, error: undefined, result: undefined });
  return true;
}

export function settle(attachment: Attachment, batch: number, error: StoreError | undefined, result: AppendResult | undefined): void {
  const first = attachment.verdicts[0];
  const verdict = first === undefined ? undefined : attachment.verdicts[batch - first.batch];
  if (verdict === undefined) return;
  verdict.settled = true;
  verdict.error = error;
  verdict.result = result;
}

/** Sends the verdicts that are due: in the order of batches, one ACK for a row of successes, a refusal at its place. */
export function flushVerdicts(attachment: Attachment, emit: EmitServer): void {
  const { ws, verdicts } = attachment;
  let done = 0;
  let acked: Verdict | undefined;
  let results: BatchResult[] = [];
  const ack = (): void => {
    if (acked === undefined) return;
    // Of a reader whose groups are held back the last place told is not on the wire yet.
    const cursor = attachment.wanted !== undefined && attachment.held.length === 0 ? attachment.cursor : null;
    const { batch } = acked;
    emit({ kind: 'send', message: { kind: 'ack', ws, batch, cursor, ...(attachment.results && { results }) } });
    acked = undefined;
    results = [];
  };
  for (const verdict of verdicts) {
    if (!verdict.settled) break;
    done++;
    if (verdict.error === undefined) {
      acked = verdict;
      if (attachment.results) results.push(resultOf(verdict));
    } else {
      ack();
      const { code, message } = verdict.error;
      emit({ kind: 'send', message: { kind: 'nack', ws, batch: verdict.batch, code, message, ids: idsOf(verdict.error) } });
    }
  }
  ack();
  verdicts.splice(0, done);
}

function resultOf({ result }: Verdict): BatchResult {
  const { added, committedAt, through } = result as AppendResult;
  return { added, committedAt, through: through ?? null };
}

/** The records at fault, as far as the refusal names them. */
function idsOf({ context }: StoreError): readonly RecordId[] {
  const ids: readonly unknown[] = Array.isArray(context.ids) ? context.ids : [];
  return ids.map((id) => {
    const { tree, peer, counter } = id as Readonly<Record<string, unknown>>;
    return { tree: parseTreeId(tree), peer: parsePeerId(peer), counter: parseCounter(counter) };
  });
}
