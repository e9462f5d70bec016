import { type CallOptions, type PeerId, StoreError } from '@spacestore/core';
import { LRUCache } from 'lru-cache';
import type { Grant } from './grant.ts';
import type { ServiceParts } from './stores.ts';

/** Which peers a user has declared as their own. */
export interface PeerBindings {
  /** Binds peers to the grant's user. Throws: denied (context.peers: those that are somebody else's; then none is bound), quota. */
  readonly declare: (grant: Grant, peers: readonly PeerId[], call?: CallOptions) => Promise<void>;
  /** True if all of them are known to be the user's, without asking the directory. */
  readonly known: (grant: Grant, peers: Iterable<PeerId>) => boolean;
}

export function peerBindings({ directory, limits }: Pick<ServiceParts, 'directory' | 'limits'>): PeerBindings {
  // Bindings never change while a workspace exists; its creation time tells it from a later one of the same id.
  const bound = new LRUCache<string, Set<PeerId>>({ max: 10_000, maxSize: 1_000_000, sizeCalculation: (peers) => peers.size + 1 });
  const keyOf = ({ workspace, entry, user }: Grant): string => `${workspace}/${entry.createdAt}/${user}`;
  const known = (grant: Grant, peers: Iterable<PeerId>): boolean => {
    const own = bound.get(keyOf(grant));
    if (!own) return false;
    for (const peer of peers) if (!own.has(peer)) return false;
    return true;
  };
  return {
    known,
    declare: async (grant, peers, call) => {
      if (peers.length === 0 || known(grant, peers)) return;
      const { taken } = await directory.bindPeers(grant.workspace, grant.user, peers, limits.peersPerUser, call);
      if (taken.length > 0) throw new StoreError('denied', 'these peers are somebody else’s', { context: { peers: taken } });
      const own = new Set(bound.get(keyOf(grant)));
      for (const peer of peers) own.add(peer);
      bound.set(keyOf(grant), own);
    },
  };
}
