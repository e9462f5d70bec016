import { encodeOp, type OpRecord, type RepTreeOp, type TreeId } from '@spacestore/core';
import { pick, type Step } from './steps.ts';

export const editedTree = 'doc' as TreeId;
/** Lower-case hex, as RepTree's order wants them. */
const peerOf = (replica: number): string => `${replica}a`.padEnd(32, '0');
const root = 'root';

/** One replica's knowledge: what an edit of it can point at. */
export interface Author {
  /** Appends what a step means for this replica's user. */
  readonly edit: (step: Step) => OpRecord[];
  /** Takes what came from others into account. */
  readonly learn: (ops: readonly RepTreeOp[]) => void;
}

/** The operations every document begins with. */
export const beginning = (): OpRecord[] =>
  [
    { id: { counter: 1, peerId: peerOf(0) }, targetId: '0', parentId: null },
    { id: { counter: 2, peerId: peerOf(0) }, targetId: root, parentId: null },
  ].map((op) => encodeOp(editedTree, op));

/** A user of one replica, with a Lamport clock. Edits are small integers aimed at what the replica knows. */
export function author(replica: number): Author {
  let clock = 2;
  let made = 0;
  const vertices = [root];
  const keys = ['name', '_c', 'text', ''];
  const values: readonly unknown[] = ['', 'é', null, 0, true, { a: [1, { b: 'x' }] }, undefined, 'a\0b', 1e300, []];
  const op = (part: { targetId: string } & ({ parentId: string } | { key: string; value: unknown })): OpRecord => {
    const id = { counter: ++clock, peerId: peerOf(replica) };
    return encodeOp(editedTree, 'parentId' in part ? { id, ...part } : { id, ...part, transient: false });
  };
  return {
    edit: ([kind, a, b, c]) => {
      const target = pick(vertices, a) as string;
      const inner = vertices.length > 1 ? (pick(vertices.slice(1), a) as string) : undefined;
      switch (inner === undefined ? 0 : kind % 6) {
        case 1:
        case 2:
          return [op({ targetId: inner as string, parentId: pick(vertices, b) as string })];
        case 3:
          return [op({ targetId: inner as string, parentId: '0' })];
        case 4:
          return [op({ targetId: target, key: pick(keys, b) as string, value: pick(values, c) })];
        default: {
          const id = `v${replica}n${made++}`;
          vertices.push(id);
          return [op({ targetId: id, parentId: target }), op({ targetId: id, key: 'name', value: `${c}` })];
        }
      }
    },
    learn: (ops) => {
      for (const one of ops) {
        clock = Math.max(clock, one.id.counter);
        if ('parentId' in one && one.targetId !== '0' && !vertices.includes(one.targetId)) vertices.push(one.targetId);
      }
    },
  };
}
