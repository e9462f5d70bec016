import type { Role } from '../contracts/directory.ts';
import type { OutboxBatch, RecordId } from '../contracts/outbox.ts';
import type { StoreErrorCode } from '../errors.ts';
import type { PeerId } from '../ids.ts';
import { backoffMs, seldomMs } from './client-session-backoff.ts';
import type { Wire } from './client-session-reading.ts';
import type { ClientSessionOptions, ClientWorkspace, Emit, Hold, InFlight, Moment, Sending } from './client-session-types.ts';
import type { Nack } from './messages.ts';

/** Batches asked of the outbox at once. */
const loadLimit = 64;
const empty = new Uint8Array(0);

export const newSending: Sending = {
  generation: 0,
  nextWire: 1,
  inFlight: [],
  inFlightBytes: 0,
  queue: [],
  loadedTo: 0,
  loading: false,
  more: true,
  hold: null,
  attempts: 0,
  mishaps: new Map(),
  acknowledged: 0,
  refused: 0,
};

/** Nothing counts as sent: on a new connection, or a workspace joined again, everything without a verdict goes out anew. */
export function restartSending(sending: Sending): Sending {
  const { acknowledged, refused, mishaps, generation } = sending;
  return { ...newSending, acknowledged, refused, mishaps, generation: generation + 1 };
}

/** A new batch stands in the outbox. It is taken as it is where nothing before it waits to be loaded: numbers rise by one, so a jump means that
 *  another batch, perhaps what a refusal put back, stands there and was not heard of yet. */
export function onAdded(sending: Sending, batch: OutboxBatch | null): Sending {
  const direct = batch?.batch === sending.loadedTo + 1 && !sending.more && !sending.loading && sending.queue.length < loadLimit;
  return direct ? { ...sending, queue: [...sending.queue, batch], loadedTo: batch.batch } : { ...sending, more: true };
}

export function onLoaded(sending: Sending, generation: number, batches: readonly OutboxBatch[]): Sending {
  if (generation !== sending.generation) return sending;
  const last = batches.at(-1);
  const full = batches.length >= loadLimit;
  const next = { ...sending, loading: false, more: sending.more || full };
  return last === undefined ? next : { ...next, queue: [...sending.queue, ...batches], loadedTo: Math.max(sending.loadedTo, last.batch) };
}

export function onLoadFailed(sending: Sending, generation: number, moment: Moment, options: ClientSessionOptions): Sending {
  if (generation !== sending.generation) return sending;
  const attempts = sending.attempts + 1;
  const until = moment.now + options.backoffBaseMs + backoffMs(options, attempts, moment);
  const hold: Hold = { until, code: 'unavailable', message: 'the outbox could not be read' };
  return { ...sending, loading: false, more: true, attempts, hold };
}

function mayWrite(role: Role): boolean {
  return role === 'owner' || role === 'admin' || role === 'editor';
}

/** Sends what the window takes, and asks the outbox for more before it runs dry. A batch that fits into no frame would end every connection it is
 *  sent on: it is set aside as the server would do. */
export function pumpBatches(
  workspace: ClientWorkspace,
  wire: Wire,
  moment: Moment,
  options: ClientSessionOptions,
  maxFrameBytes: number,
  emit: Emit,
): ClientWorkspace {
  const { sending, join } = workspace;
  if (join.kind !== 'in' || workspace.wish === 'read' || !mayWrite(join.role) || sending.hold !== null) return workspace;
  const sent: InFlight[] = [];
  let bytes = sending.inFlightBytes;
  let taken = 0;
  let refused = 0;
  for (const batch of sending.queue) {
    const size = sizeOf(batch);
    if (size + frameHeaderBytes > maxFrameBytes) {
      const verdict = { kind: 'refused', code: 'too_large', ids: idsOf(batch) } as const;
      emit({ kind: 'verdict', workspace: workspace.id, batch: batch.batch, verdict });
      refused += batch.records.length;
      taken++;
      continue;
    }
    const outstanding = sending.inFlight.length + sent.length;
    if (outstanding >= options.windowBatches || (outstanding > 0 && bytes + size > options.windowBytes)) break;
    const number = sending.nextWire + sent.length;
    wire.send({ kind: 'ops-up', ws: wire.ws, batch: number, records: batch.records, block: empty });
    sent.push({ wire: number, batch, bytes: size, sentAt: moment.now });
    bytes += size;
    taken++;
  }
  const queue = taken === 0 ? sending.queue : sending.queue.slice(taken);
  const load = sending.more && !sending.loading && queue.length < loadLimit / 2;
  if (!load && taken === 0) return workspace;
  if (load) emit({ kind: 'load', workspace: workspace.id, generation: sending.generation, after: sending.loadedTo, limit: loadLimit });
  const next: Sending = {
    ...sending,
    nextWire: sending.nextWire + sent.length,
    inFlight: sent.length === 0 ? sending.inFlight : [...sending.inFlight, ...sent],
    inFlightBytes: bytes,
    queue,
    refused: sending.refused + refused,
    loading: sending.loading || load,
    more: load ? false : sending.more,
  };
  return { ...workspace, sending: next };
}

/** More than a frame has around its records. */
const frameHeaderBytes = 64;

function idsOf({ records }: OutboxBatch): readonly RecordId[] {
  return records.map(({ tree, peer, counter }) => ({ tree, peer, counter }));
}

/** No less than what it takes in a frame. */
function sizeOf(batch: OutboxBatch): number {
  return batch.records.reduce((sum, { tree, peer, body }) => sum + body.length + tree.length + peer.length + 16, 0);
}

export function onAck(workspace: ClientWorkspace, upTo: number, emit: Emit): ClientWorkspace {
  const { sending } = workspace;
  const count = sending.inFlight.findIndex(({ wire }) => wire > upTo);
  const done = count < 0 ? sending.inFlight : sending.inFlight.slice(0, count);
  if (done.length === 0) return workspace;
  let acknowledged = sending.acknowledged;
  for (const { batch } of done) {
    acknowledged += batch.records.length;
    emit({ kind: 'verdict', workspace: workspace.id, batch: batch.batch, verdict: { kind: 'acknowledged' } });
  }
  return { ...workspace, sending: { ...without(sending, done), acknowledged, attempts: 0 } };
}

/** What a refusal without named records means for the batch: its own fault, or that of the moment or of the membership. */
type Fault = 'records' | 'moment' | 'membership';

/** An unexpected failure may be of the moment, or of a batch that trips the server: it is tried so often and then set aside. */
const maxMishaps = 5;

function faultOf(code: StoreErrorCode, named: boolean, mishaps: number): Fault {
  switch (code) {
    case 'busy':
    case 'unavailable':
    case 'closed':
    case 'aborted':
      return 'moment';
    case 'internal':
      return mishaps < maxMishaps ? 'moment' : 'records';
    case 'denied':
    case 'not_found':
    case 'quota':
    case 'unauthenticated':
    case 'corrupt':
      return named ? 'records' : 'membership';
    case 'invalid':
    case 'equivocation':
    case 'conflict':
    case 'stale_cursor':
    case 'too_large':
    case 'unsupported':
      return 'records';
  }
}

export function onNack(workspace: ClientWorkspace, nack: Nack, moment: Moment, options: ClientSessionOptions, emit: Emit): ClientWorkspace {
  const { sending } = workspace;
  const refused = sending.inFlight.find(({ wire }) => wire === nack.batch);
  if (refused === undefined) return workspace;
  const rest = without(sending, [refused]);
  const before = sending.mishaps.get(refused.batch.batch) ?? 0;
  const fault = faultOf(nack.code, nack.ids.length > 0, before);
  const mishaps = new Map(sending.mishaps);
  if (fault === 'records') mishaps.delete(refused.batch.batch);
  else if (nack.code === 'internal') mishaps.set(refused.batch.batch, before + 1);
  if (fault === 'records') {
    const ids = nack.ids.length > 0 ? nack.ids : idsOf(refused.batch);
    const verdict = { kind: 'refused', code: nack.code, ids } as const;
    emit({ kind: 'verdict', workspace: workspace.id, batch: refused.batch.batch, verdict });
    const own = new Set<PeerId>(workspace.peers);
    const lost = [...new Set(ids.map(({ peer }) => peer).filter((peer) => own.has(peer)))];
    if (nack.code === 'equivocation' && lost.length > 0)
      emit({ kind: 'peers-lost', workspace: workspace.id, why: 'equivocation', peers: lost, ids });
    return { ...workspace, sending: { ...rest, attempts: 0, mishaps, refused: sending.refused + ids.length } };
  }
  const attempts = sending.attempts + 1;
  const wait = fault === 'moment' ? options.backoffBaseMs + backoffMs(options, attempts, moment) : seldomMs(options, moment);
  const hold: Hold = { until: moment.now + wait, code: nack.code, message: nack.message };
  return { ...workspace, sending: { ...rest, attempts, mishaps, hold, queue: inOrder([refused.batch, ...rest.queue]) } };
}

/** A hold that has run out, or that the app asked to lift, is over. */
export function liftHold(sending: Sending, now: number): Sending {
  return sending.hold !== null && sending.hold.until <= now ? { ...sending, hold: null } : sending;
}

function inOrder(batches: readonly OutboxBatch[]): readonly OutboxBatch[] {
  return batches.toSorted((a, b) => a.batch - b.batch);
}

function without(sending: Sending, done: readonly InFlight[]): Sending {
  const bytes = done.reduce((sum, each) => sum + each.bytes, 0);
  return { ...sending, inFlight: sending.inFlight.filter((each) => !done.includes(each)), inFlightBytes: sending.inFlightBytes - bytes };
}
