import {
  type CallOptions,
  type Cursor,
  type Fork,
  type OpRecord,
  type Outbox,
  type PeerId,
  StoreError,
  type TreeId,
  toStoreError,
  type WorkspaceId,
} from '@spacestore/core';
import { type ClientEvent, type PeersLostWhy, type SavedPlaces, statusOf, type WireLimits } from '@spacestore/core/sync';
import { deliveryLine, type RecordHandler } from './delivery-line.ts';
import { historyChanges } from './history-changes.ts';
import { outboxWriter } from './outbox-writer.ts';
import { type PresenceBoard, presenceBoard } from './presence-board.ts';
import { type Quarantine, quarantineOf } from './quarantine.ts';
import { parsePlaces, placesName, printPlaces } from './saved-places.ts';
import type { SessionDriver, WorkspaceEffect } from './session-driver.ts';
import { type Readable, statusValue, type WorkspaceStatus } from './workspace-status.ts';

export interface PeersLost {
  /** `taken`: bound to another user. `equivocation`: someone writes under the same peer, as a copied profile does. */
  readonly why: PeersLostWhy;
  readonly peers: readonly PeerId[];
}

export interface HistoryChanged {
  /** Up to here the new history has what the old one had; null: from the start nothing is certain. */
  readonly from: Cursor | null;
  readonly lineage: readonly Fork[];
}

export interface WorkspaceOptions {
  /** The peers this client writes under. */
  readonly peers: readonly PeerId[];
  /** Trees to read from the start; more with `subscribe`. Absent: none; `'all'`: every one. */
  readonly trees?: readonly TreeId[] | 'all';
  /** `write` if absent. */
  readonly wish?: 'write' | 'read';
  /** Asked for new peers when some can't be used any longer. What was refused waits in quarantine to be issued anew under them. */
  readonly onPeersLost?: (lost: PeersLost) => readonly PeerId[] | Promise<readonly PeerId[]>;
  /** Told when the server's history is another one (a restored backup): hand what this device has to `reconcile`. Told again, also after a
   *  restart, until it resolved. */
  readonly onHistoryChanged?: (change: HistoryChanged) => void | Promise<void>;
}

export interface Presence extends Pick<PresenceBoard, 'others' | 'onChange'> {
  /** This client's value under a key, for the others to see while it is connected; null removes it. */
  readonly set: (key: string, value: unknown) => void;
}

export interface WorkspaceHandle {
  readonly id: WorkspaceId;
  readonly status: Readable<WorkspaceStatus>;
  readonly presence: Presence;
  /** Resolves when the records are durable in the outbox: from there they reach the server by themselves, also after a restart. */
  readonly append: (records: readonly OpRecord[], call?: CallOptions) => Promise<void>;
  /** Gives every record of the subscribed trees, in position order, once: the place is kept only after the handler resolved.
   *  The client's own may come back, while it is catching up, after a restart or a lost acknowledgement. The returned function takes the handler away. */
  readonly onRecords: (handler: RecordHandler) => () => void;
  /** Reads these trees too, or all. */
  readonly subscribe: (trees: readonly TreeId[] | 'all') => void;
  /** Resolves when everything appended before is acknowledged or refused. Throws: aborted, closed. */
  readonly flush: (call?: CallOptions) => Promise<void>;
  readonly quarantine: Quarantine;
  /** Hands in what this device has and the server may lack, in batches; what it has already stays as it is. Resolves when it is in the outbox. */
  readonly reconcile: (records: Iterable<OpRecord> | AsyncIterable<OpRecord>, call?: CallOptions) => Promise<void>;
  /** Stops syncing it here. Outbox and places stay, for the next time. */
  readonly leave: () => Promise<void>;
}

/** A handle, and what the client drives it with. */
export interface DrivenHandle {
  readonly handle: WorkspaceHandle;
  readonly perform: (effect: WorkspaceEffect) => void;
  readonly refresh: () => void;
  readonly close: () => Promise<void>;
}

/** Until a server told its own. */
const usualLimits = { maxCallRecords: 1000, maxBodyBytes: 1024 * 1024, maxFrameBytes: 2 * 1024 * 1024 };
const reconcileRecords = 500;

export function workspaceHandle(
  id: WorkspaceId,
  options: WorkspaceOptions,
  outbox: Outbox,
  driver: SessionDriver,
  onLeave: () => void,
): DrivenHandle {
  let closed = false;
  let stored = { records: 0, quarantined: 0 };
  let counting: Promise<void> | undefined;
  let countAgain = false;
  let requeues = 0;
  let problem: StoreError | null = null;
  let saving: Promise<void> | undefined;
  let unsaved: SavedPlaces | undefined;
  const underWay = new Set<Promise<void>>();
  const judged = new Set<() => void>();
  const board = presenceBoard();
  const status = statusValue({
    connected: 'offline',
    reason: null,
    pending: 0,
    acknowledged: 0,
    refused: 0,
    quarantined: 0,
    held: null,
    problem: null,
  });

  const limits = (): Pick<WireLimits, 'maxCallRecords' | 'maxBodyBytes' | 'maxFrameBytes'> => driver.state().limits ?? usualLimits;
  const refresh = (): void => {
    const session = statusOf(driver.state(), id);
    const pending = stored.records + writer.writing();
    status.set({ ...session, pending, quarantined: stored.quarantined, problem: line.failure() ?? changes.failure() ?? problem });
  };
  const fail = (error: unknown): void => {
    problem = toStoreError(error);
    refresh();
  };
  /** Runs work that `close` waits for. Its failure is shown in the status. */
  const run = (work: () => Promise<void>): void => {
    const done = work()
      .catch(fail)
      .finally(() => underWay.delete(done));
    underWay.add(done);
  };

  /** What the outbox holds, counted once for all who ask meanwhile. */
  const count = (): Promise<void> => {
    countAgain = true;
    counting ??= (async () => {
      while (countAgain) {
        countAgain = false;
        const { records, quarantined } = await outbox.counts(id);
        stored = { records, quarantined };
      }
    })().finally(() => {
      counting = undefined;
      refresh();
      for (const wake of judged) wake();
    });
    return counting;
  };

  const writer = outboxWriter(outbox, id, limits, (added) => {
    if (added !== undefined) {
      stored = { ...stored, records: stored.records + added.records.length };
      driver.dispatch({ kind: 'added', workspace: id, batch: added });
    }
    refresh();
  });
  /** Places of the new history are kept once the app has dealt with the change: a restart before that meets it again. */
  const changes = historyChanges<HistoryChanged>(
    (change) => options.onHistoryChanged?.(change),
    () => {
      refresh();
      writePlaces();
    },
  );
  const line = deliveryLine((delivery) => driver.dispatch({ kind: 'handled', workspace: id, delivery }), refresh);

  /** The last places handled, one write at a time: an older one is never written over a newer. */
  const save = (places: SavedPlaces): void => {
    unsaved = places;
    writePlaces();
  };
  const writePlaces = (): void => {
    saving ??= (async () => {
      while (unsaved !== undefined && !changes.owed()) {
        const next = unsaved;
        unsaved = undefined;
        await outbox.setState(id, placesName, printPlaces(next));
      }
    })()
      .catch(fail)
      .finally(() => {
        saving = undefined;
        if (unsaved !== undefined && !changes.owed()) writePlaces(); // came in between
      });
  };

  const perform = (effect: WorkspaceEffect): void => {
    switch (effect.kind) {
      case 'load':
        run(async () => {
          try {
            const batches = await outbox.pending(id, effect.after, effect.limit);
            driver.dispatch({ kind: 'loaded', workspace: id, generation: effect.generation, batches });
          } catch (error) {
            driver.dispatch({ kind: 'load-failed', workspace: id, generation: effect.generation });
            throw error;
          }
        });
        return;
      case 'verdict':
        run(async () => {
          await outbox.verdict(id, effect.batch, effect.verdict);
          problem = null;
          if (effect.verdict.kind === 'refused') {
            requeues++;
            driver.dispatch({ kind: 'requeued', workspace: id });
          }
          await count();
        });
        return;
      case 'deliver':
        line.add(effect.delivery, effect.records);
        return;
      case 'save':
        save(effect.places);
        return;
      case 'reconcile': {
        const { from, lineage } = effect;
        changes.tell({ from, lineage });
        return;
      }
      case 'peers-lost': {
        const { why, peers } = effect;
        run(async () => {
          const fresh = await options.onPeersLost?.({ why, peers });
          if (fresh !== undefined && fresh.length > 0) driver.dispatch({ kind: 'peers', workspace: id, peers: fresh });
        });
        return;
      }
      case 'presence':
        board.apply(effect.entries, effect.left);
        return;
      case 'presence-lost':
        board.clear();
        return;
    }
  };

  /** What the app asked before the places were read. */
  const early: ClientEvent[] = [];
  let entered = false;
  const tell = (event: ClientEvent): void => {
    if (entered) driver.dispatch(event);
    else early.push(event);
  };
  const subscribe = (trees: readonly TreeId[] | 'all'): void =>
    tell({ kind: 'subscribe', workspace: id, trees: trees === 'all' ? null : trees });
  if (options.trees !== undefined) subscribe(options.trees);
  run(async () => {
    await count();
    const saved = parsePlaces(await outbox.state(id, placesName));
    if (closed) return;
    driver.dispatch({ kind: 'enter', workspace: id, peers: options.peers, wish: options.wish ?? 'write', saved });
    entered = true;
    for (const event of early) driver.dispatch(event);
  });

  const close = async (): Promise<void> => {
    closed = true;
    await writer.settled();
    await line.close();
    await changes.close();
    while (underWay.size > 0) await Promise.all(underWay);
    while (saving !== undefined) await saving;
    for (const wake of judged) wake();
    board.clear();
  };
  const refuseClosed = (): void => {
    if (closed) throw new StoreError('closed', 'this workspace was left');
  };

  const flush = async (call?: CallOptions): Promise<void> => {
    refuseClosed();
    let upTo = await writer.settled();
    // A batch of an earlier run, or put back after a refusal, was added before as well.
    for (let last: number | undefined = upTo; last !== undefined; ) {
      const more: number | undefined = (await outbox.pending(id, last, 1000)).at(-1)?.batch;
      upTo = Math.max(upTo, more ?? 0);
      last = more;
    }
    let seen = requeues;
    while (true) {
      refuseClosed();
      const [first] = await outbox.pending(id, 0, 1);
      if (first === undefined || first.batch > upTo) return;
      await nextVerdict(judged, call);
      // The blameless part of a refused batch is a new one now.
      if (seen === requeues) continue;
      seen = requeues;
      upTo = Math.max(upTo, (await outbox.pending(id, upTo, 1000)).at(-1)?.batch ?? 0);
    }
  };

  const handle: WorkspaceHandle = {
    id,
    status,
    presence: {
      others: board.others,
      onChange: board.onChange,
      set: (key, value) => tell({ kind: 'presence', workspace: id, key, value }),
    },
    append: async (records, call) => {
      refuseClosed();
      await writer.append(records, call);
    },
    onRecords: line.onRecords,
    subscribe,
    flush,
    quarantine: quarantineOf(outbox, id, limits, async () => {
      driver.dispatch({ kind: 'added', workspace: id, batch: null });
      await count();
    }),
    reconcile: async (records, call) => {
      let part: OpRecord[] = [];
      for await (const record of records) {
        part.push(record);
        if (part.length < reconcileRecords) continue;
        await handle.append(part, call);
        part = [];
      }
      await handle.append(part, call);
    },
    leave: async () => {
      if (closed) return;
      onLeave();
      driver.dispatch({ kind: 'leave', workspace: id });
      await close();
    },
  };
  return { handle, perform, refresh, close };
}

/** Resolves after the next verdict was stored. Throws: aborted. */
async function nextVerdict(judged: Set<() => void>, call: CallOptions | undefined): Promise<void> {
  const signal = call?.signal;
  let tell: (() => void) | undefined;
  let onAbort: (() => void) | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      tell = resolve;
      judged.add(resolve);
      onAbort = () => reject(new StoreError('aborted', 'aborted while waiting for the server', { cause: signal?.reason }));
      if (signal?.aborted) onAbort();
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  } finally {
    if (tell) judged.delete(tell);
    if (onAbort) signal?.removeEventListener('abort', onAbort);
  }
}
