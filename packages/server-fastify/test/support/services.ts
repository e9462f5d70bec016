import { encodeOp, type OpRecord, parsePeerId, parseTreeId, parseUserId, parseWorkspaceId } from '@spacestore/core';
import { keyRing } from '@spacestore/core/layers';
import { memoryBlobStore, memoryDirectory, memoryFileIndex, memoryOpStore, memorySecretStore } from '@spacestore/core/memory';
import type { Identity } from '../../src/auth/identity.ts';
import { serviceEvents } from '../../src/events.ts';
import { defaultLimits, type Limits } from '../../src/limits.ts';
import type { ServiceParts, Stores } from '../../src/service/stores.ts';
import { createServices, type Services } from '../../src/services.ts';

const keys = keyRing([new Uint8Array(32).map((_, i) => i)]);

export const w1 = parseWorkspaceId('w1');
export const identity = (user: string): Identity => ({ user: parseUserId(user) });

/** Stores that several servers may share. */
export function openStores(): Stores {
  return {
    directory: memoryDirectory(),
    files: memoryFileIndex(),
    ops: memoryOpStore(),
    blobs: memoryBlobStore(),
    secrets: memorySecretStore(),
  };
}

/** One server's services over them. */
export function servicesOver(stores: Stores, limits: Partial<Limits> = {}): { services: Services; parts: ServiceParts } {
  const parts = {
    ...stores,
    clock: { now: () => 1_700_000_000_000 },
    limits: { ...defaultLimits, ...limits },
    events: serviceEvents(),
    keys,
  };
  return { services: createServices(parts), parts };
}

export async function makeWorkspace(services: Services, ...editors: readonly string[]): Promise<void> {
  await services.workspaces.create(identity('owner'), { id: w1, name: 'First', codec: 'reptree-1', settings: { relay: true, app: {} } });
  for (const editor of editors) {
    const grant = await services.gate.authorize(identity('owner'), w1, 'members.manage');
    await services.members.set(grant, parseUserId(editor), 'editor');
  }
}

export function record(counter: number, peer = 'p'): OpRecord {
  return encodeOp(parseTreeId('t'), { id: { counter, peerId: parsePeerId(peer) }, targetId: `v${counter}`, parentId: null });
}
