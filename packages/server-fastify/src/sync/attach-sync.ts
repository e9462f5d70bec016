import { Counter, Gauge } from 'prom-client';
import type { AttachSync } from '../sync-part.ts';
import { type EndpointOptions, endpoint } from './endpoint.ts';
import { hub } from './hub.ts';

export interface SyncOptions extends EndpointOptions {
  /** How often rooms look for commits that nobody told of (another server's, another handle's); 0 turns it off. */
  readonly pollMs: number;
  /** How often deadlines are looked at. */
  readonly tickMs: number;
}

export const defaultSyncOptions: SyncOptions = {
  heartbeatMs: 25_000,
  pageBytes: 256 * 1024,
  pageRecords: 4096,
  pagesAhead: 64,
  presenceKeys: 32,
  presenceBytes: 16 * 1024,
  loadCalls: 1024,
  loadBytes: 8 * 1024 * 1024,
  reconnectSpreadMs: 5_000,
  drainMs: 4_000,
  pollMs: 1_000,
  tickMs: 250,
};

/** The WebSocket side with its defaults. */
export const attachSync: AttachSync = attachSyncWith({});

/** Takes over a server's `upgrade` requests for the sync path; `drain` ends it. */
export function attachSyncWith(some: Partial<SyncOptions>): AttachSync {
  return (server, deps) => {
    const options = { ...defaultSyncOptions, ...some };
    const { registry } = deps.metrics;
    const report = (error: unknown): void => deps.log.error({ err: error }, 'sync');
    const foundByPoll = new Counter({
      name: 'spacestore_sync_found_by_poll_total',
      help: 'Times a poll found commits that no notice had told of',
      registers: [registry],
    });
    const rooms = hub(deps, () => foundByPoll.inc(), report);
    new Gauge({
      name: 'spacestore_sync_rooms',
      help: 'Workspaces with connections in them',
      registers: [registry],
      collect() {
        this.set(rooms.rooms());
      },
    });

    // A tick that comes late says how busy the event loop is.
    let tickedAt = performance.now();
    let lateMs = 0;
    const overloaded = (): boolean => deps.limits.eventLoopDelayMs > 0 && lateMs > deps.limits.eventLoopDelayMs;
    const sockets = endpoint(server, deps, rooms, options, overloaded);
    const ticking = setInterval(() => {
      const now = performance.now();
      lateMs = now - tickedAt - options.tickMs;
      tickedAt = now;
      sockets.tick();
    }, options.tickMs);
    const polling = options.pollMs > 0 ? setInterval(() => void rooms.poll().catch(report), options.pollMs) : undefined;

    return {
      drain: async () => {
        clearInterval(polling);
        await sockets.drain();
        clearInterval(ticking);
        rooms.close();
      },
    };
  };
}
