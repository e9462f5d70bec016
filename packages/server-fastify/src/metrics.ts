import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { WorkspaceId } from '@spacestore/core';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { ServiceEvents } from './events.ts';

/** What an operator watches. Labels are routes, methods and codes: never ids, so that nothing leaks and their number stays small. */
export interface Metrics {
  readonly registry: Registry;
  readonly requests: Histogram<'method' | 'route' | 'status'>;
  readonly errors: Counter<'code'>;
  readonly appends: Counter;
  readonly appendedRecords: Counter;
  /** Calls that shared one commit. */
  readonly groupCalls: Histogram;
  /** Calls of the stores, as the metrics layer tells them. */
  readonly storeCalls: Histogram<'contract' | 'method' | 'outcome'>;
  /** Sync of a small file where the data lies, measured at start. */
  readonly fsyncSeconds: Gauge;
  readonly sockets: Gauge;
  readonly unwrittenRefusals: Gauge;
  readonly close: () => void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  const loop = monitorEventLoopDelay({ resolution: 20 });
  loop.enable();
  const metrics = {
    registry,
    requests: new Histogram({
      name: 'spacestore_http_request_seconds',
      help: 'HTTP requests by route, method and status',
      labelNames: ['method', 'route', 'status'] as const,
      buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
      registers,
    }),
    errors: new Counter({
      name: 'spacestore_errors_total',
      help: 'Requests refused or failed, by code',
      labelNames: ['code'] as const,
      registers,
    }),
    appends: new Counter({ name: 'spacestore_appends_total', help: 'Appends committed', registers }),
    appendedRecords: new Counter({
      name: 'spacestore_appended_records_total',
      help: 'Records of committed appends that were new',
      registers,
    }),
    groupCalls: new Histogram({
      name: 'spacestore_commit_group_calls',
      help: 'Appends that shared a commit',
      buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
      registers,
    }),
    storeCalls: new Histogram({
      name: 'spacestore_store_call_seconds',
      help: 'Calls of the stores by contract, method and outcome',
      labelNames: ['contract', 'method', 'outcome'] as const,
      buckets: [0.0001, 0.001, 0.01, 0.1, 1, 10],
      registers,
    }),
    fsyncSeconds: new Gauge({
      name: 'spacestore_fsync_seconds',
      help: 'Sync of a small file in the data folder, measured at start',
      registers,
    }),
    sockets: new Gauge({ name: 'spacestore_sockets', help: 'Open WebSocket connections', registers }),
    unwrittenRefusals: new Gauge({
      name: 'spacestore_unwritten_refusals',
      help: 'Refused attempts that could not be written to the audit',
      registers,
    }),
  };
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the process',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'spacestore_event_loop_delay_seconds',
    help: 'Delay of the event loop since the last scrape',
    labelNames: ['quantile'] as const,
    registers,
    collect() {
      for (const quantile of [50, 99, 100]) this.set({ quantile: String(quantile / 100) }, loop.percentile(quantile) / 1e9);
      loop.reset();
    },
  });
  return {
    ...metrics,
    close: () => {
      loop.disable();
      registry.clear();
    },
  };
}

/** Counts what is committed from now on, until the returned function is called. */
export function countAppends(metrics: Metrics, events: ServiceEvents): () => void {
  return events.listen({ appended: groupCounter(metrics) });
}

/** Appends of one commit carry the same cursor, and are told one after the other. */
function groupCounter(metrics: Pick<Metrics, 'appends' | 'appendedRecords' | 'groupCalls'>) {
  let group: { readonly workspace: WorkspaceId; readonly through: string | undefined; calls: number } | undefined;
  return (
    workspace: WorkspaceId,
    _records: unknown,
    { added, through }: { readonly added: number; readonly through: string | undefined },
  ): void => {
    metrics.appends.inc();
    metrics.appendedRecords.inc(added);
    if (group?.workspace === workspace && group.through === through) {
      group.calls++;
      return;
    }
    if (group) metrics.groupCalls.observe(group.calls);
    group = { workspace, through, calls: 1 };
  };
}
