import { type OpRecord, type PeerId, parsePeerId, parseTreeId, type TreeId } from '@spacestore/core';

export const tree: TreeId = parseTreeId('t1');
export const peerA: PeerId = parsePeerId('a');
export const peerB: PeerId = parsePeerId('b');

export function record(counter: number, peer: PeerId = peerA, text = `${peer} ${counter}`, inTree: TreeId = tree): OpRecord {
  return { tree: inTree, peer, counter, body: new TextEncoder().encode(text) };
}

export function idOf({ tree: inTree, peer, counter }: Omit<OpRecord, 'body'>): string {
  return `${inTree}/${peer}/${counter}`;
}

export function idsOf(records: Iterable<OpRecord>): readonly string[] {
  return [...records].map(idOf).sort();
}
