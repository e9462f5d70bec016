import type { OpRecord } from '../../src/contracts/op-store.ts';
import type { Outbox } from '../../src/contracts/outbox.ts';
import type { PeerId, TreeId, WorkspaceId } from '../../src/ids.ts';
import { type MemoryOutboxPlace, memoryOutbox, memoryOutboxPlace } from '../../src/memory/outbox.ts';
import { newClientState, stepClient } from '../../src/sync/client-session.ts';
import { wakeAt } from '../../src/sync/client-session-link.ts';
import { statusOf } from '../../src/sync/client-session-status.ts';
import type { ClientEffect, ClientEvent, ClientSessionOptions, PlacedRecord, SavedPlaces } from '../../src/sync/client-session-types.ts';
import type { ClientEnd, SimulatedNetwork } from './simulated-network.ts';
import type { VirtualTime } from './virtual-time.ts';

export const sessionOptions: ClientSessionOptions = {
  client: 'c',
  compress: [],
  backoffBaseMs: 100,
  backoffCapMs: 2000,
  stableMs: 1000,
  hopelessMs: 5000,
  answerMs: 3000,
  windowBatches: 4,
  windowBytes: 400,
  pagesAhead: 2,
  behindBytes: 2000,
  presenceEveryMs: 50,
  renewBeforeMs: 1000,
};

/** What survives the death of a client: its outbox, what its app has kept, where it stood. */
interface Disk {
  readonly outbox: MemoryOutboxPlace;
  readonly records: Map<string, OpRecord>;
  saved: SavedPlaces | null;
}

export interface Watch {
  readonly delivered: (client: number, run: number, records: readonly PlacedRecord[]) => void;
  readonly saved: (client: number, places: SavedPlaces) => void;
  readonly acknowledged: (client: number, records: readonly OpRecord[]) => void;
  readonly started: (client: number, run: number, places: SavedPlaces | null) => void;
}

export interface SimulatedClient {
  readonly disk: Disk;
  readonly append: (records: readonly OpRecord[]) => void;
  /** Hands in records of another's peer. */
  readonly forge: (records: readonly OpRecord[]) => void;
  readonly subscribe: (trees: readonly TreeId[] | null) => void;
  readonly cut: () => void;
  /** Dies, and comes back with what was on disk. */
  readonly restart: () => void;
  readonly outbox: () => Outbox;
  readonly status: () => ReturnType<typeof statusOf>;
}

export function simulatedClient(
  index: number,
  time: VirtualTime,
  network: SimulatedNetwork,
  workspace: WorkspaceId,
  peer: PeerId,
  watch: Watch,
): SimulatedClient {
  const disk: Disk = { outbox: memoryOutboxPlace(), records: new Map(), saved: null };
  const wanted: (readonly TreeId[] | null)[] = [];
  let run = 0;
  let alive = start();

  function start() {
    const born = ++run;
    const outbox = memoryOutbox({ place: disk.outbox, clock: time });
    let state = newClientState(sessionOptions);
    let end: ClientEnd | undefined;
    let timer = Number.POSITIVE_INFINITY;
    const line: Extract<ClientEffect, { kind: 'deliver' }>[] = [];
    const isAlive = (): boolean => born === run;

    const dispatch = (event: ClientEvent): void => {
      if (!isAlive()) return;
      const [next, effects] = stepClient(state, event, { now: time.now(), random: time.random() });
      state = next;
      for (const effect of effects) perform(effect);
      const due = wakeAt(state);
      if (due >= timer) return;
      timer = due;
      time.at(due, () => {
        timer = Number.POSITIVE_INFINITY;
        dispatch({ kind: 'tick' });
      });
    };

    const handle = (): void => {
      const first = line[0];
      if (first === undefined) return;
      const work = (): void => {
        if (!isAlive()) return;
        watch.delivered(index, born, first.records);
        for (const record of first.records) disk.records.set(idOf(record), record);
        line.shift();
        dispatch({ kind: 'handled', workspace, delivery: first.delivery });
        handle();
      };
      time.after(time.random() < 0.2 ? 100 * time.random() : 1, work);
    };

    const perform = (effect: ClientEffect): void => {
      switch (effect.kind) {
        case 'ask-token':
          time.after(1, () => dispatch({ kind: 'token', token: 't', lifetimeMs: null }));
          return;
        case 'connect': {
          const { serial } = effect;
          network.connect({
            open: (opened) => {
              if (!isAlive() || state.serial !== serial) return opened.close();
              end = opened;
              dispatch({ kind: 'connected', serial });
            },
            message: (message) => dispatch({ kind: 'message', serial, message }),
            closed: () => dispatch({ kind: 'disconnected', serial }),
          });
          return;
        }
        case 'disconnect':
          end?.close();
          end = undefined;
          return;
        case 'send':
          end?.send(effect.message);
          return;
        case 'load':
          void outbox
            .pending(workspace, effect.after, effect.limit)
            .then((batches) => time.after(2 * time.random(), () => dispatch({ ...effect, kind: 'loaded', batches })));
          return;
        case 'verdict': {
          const { batch, verdict } = effect;
          void outbox.pending(workspace, batch - 1, 1).then(async ([pending]) => {
            if (!isAlive()) return;
            if (verdict.kind === 'acknowledged' && pending?.batch === batch) watch.acknowledged(index, pending.records);
            await outbox.verdict(workspace, batch, verdict);
            if (verdict.kind === 'refused') dispatch({ kind: 'requeued', workspace });
          });
          return;
        }
        case 'deliver':
          line.push(effect);
          if (line.length === 1) handle();
          return;
        case 'save':
          time.after(5 * time.random(), () => {
            if (!isAlive()) return;
            watch.saved(index, effect.places);
            disk.saved = effect.places;
          });
          return;
        case 'reconcile':
          // Everything the app has, in whatever history it came to have it.
          if (disk.records.size > 0) add([...disk.records.values()]);
          return;
        case 'peers-lost':
        case 'presence':
        case 'presence-lost':
          return;
      }
    };

    const add = (records: readonly OpRecord[]): void => {
      void outbox.add(workspace, records).then((batch) => {
        if (time.random() < 0.5) dispatch({ kind: 'added', workspace, batch });
        else dispatch({ kind: 'added', workspace, batch: null });
      });
    };

    watch.started(index, born, disk.saved);
    time.after(0, () => {
      dispatch({ kind: 'enter', workspace, peers: [peer], wish: 'write', saved: disk.saved });
      for (const trees of wanted) dispatch({ kind: 'subscribe', workspace, trees });
      dispatch({ kind: 'start' });
    });
    return { dispatch, add, cut: () => end?.cut(), die: () => end?.cut(), outbox, state: () => state };
  }

  return {
    disk,
    append: (records) => {
      for (const record of records) disk.records.set(idOf(record), record);
      alive.add(records);
    },
    forge: (records) => {
      // Its own batch is not told back to it: what it forged it has, if the forgery comes first.
      for (const record of records) if (!disk.records.has(idOf(record))) disk.records.set(idOf(record), record);
      alive.add(records);
    },
    subscribe: (trees) => {
      wanted.push(trees);
      alive.dispatch({ kind: 'subscribe', workspace, trees });
    },
    cut: () => alive.cut(),
    restart: () => {
      alive.die();
      alive = start();
    },
    outbox: () => alive.outbox,
    status: () => statusOf(alive.state(), workspace),
  };
}

export function idOf({ tree, peer, counter }: Pick<OpRecord, 'tree' | 'peer' | 'counter'>): string {
  return `${tree}/${peer}/${counter}`;
}
