import type { ChangeHints } from '@spacestore/core';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { ServiceEvents } from './events.ts';

/** Tells other servers what this one changed, and this one's listeners what others did, until the function this returns is called. Whatever is lost on the
 *  way the heads of the logs still say. */
export function bridgeHints(hints: ChangeHints, events: ServiceEvents, registry: Registry): () => void {
  const begun = new Counter({
    name: 'spacestore_hints_connections_total',
    help: 'Times that listening to other servers began: beyond the first it had broken off, and heads were read again',
    registers: [registry],
  });
  new Gauge({
    name: 'spacestore_hints_listening',
    help: 'Whether other servers are heard now',
    registers: [registry],
    collect() {
      this.set(hints.isListening() ? 1 : 0);
    },
  });
  const stopTelling = events.listen({
    appended: (workspace, _, { added, committedAt }) => {
      if (added > 0) hints.publish({ kind: 'appended', workspace, position: committedAt });
    },
    membershipChanged: async (workspace, _, epoch) => hints.publish({ kind: 'fenced', workspace, epoch }),
    replaced: async (workspace) => hints.publish({ kind: 'replaced', workspace }),
  });
  const stopHearing = hints.subscribe({
    hint: events.heard,
    reconnected: () => {
      begun.inc();
      events.missed();
    },
  });
  return () => {
    stopTelling();
    stopHearing();
  };
}
