import type { RepTreeOp } from '@spacestore/core';

/** A document: each vertex with its parent and its properties. */
export type TreeDocument = ReadonlyMap<string, { readonly parent: string | null; readonly properties: ReadonlyMap<string, unknown> }>;

type Draft = Map<string, { parent: string | null; properties: Map<string, unknown> }>;

/** What a set of operations means: sort by id, apply, skip moves that would close a circle, the last writer of a property wins.
 *  Written to be read, as a second opinion beside RepTree. Source: Kleppmann et al. 2021, "A highly-available move operation for replicated trees". */
export function interpret(ops: readonly RepTreeOp[]): TreeDocument {
  const vertices: Draft = new Map();
  for (const op of ops.toSorted(byId)) {
    if ('parentId' in op) move(vertices, op.targetId, op.parentId);
    else vertices.get(op.targetId)?.properties.set(op.key, op.value);
  }
  for (const vertex of vertices.values())
    for (const [key, value] of vertex.properties) if (value === undefined) vertex.properties.delete(key);
  return vertices;
}

/** The order of ids: by counter, then by peer, byte by byte. */
export function byId(a: RepTreeOp, b: RepTreeOp): number {
  return a.id.counter - b.id.counter || (a.id.peerId < b.id.peerId ? -1 : a.id.peerId > b.id.peerId ? 1 : 0);
}

function move(vertices: Draft, target: string, parent: string | null): void {
  for (let at = parent; at !== null; at = vertices.get(at)?.parent ?? null) if (at === target) return;
  const vertex = vertices.get(target) ?? { parent: null, properties: new Map<string, unknown>() };
  vertex.parent = parent;
  vertices.set(target, vertex);
}

/** The document as text that is equal for equal documents. */
export function documentText(document: TreeDocument): string {
  const sorted = <Value>(entries: Iterable<readonly [string, Value]>) => [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted(document)
    .map(([id, { parent, properties }]) => `${id} < ${parent} ${JSON.stringify(sorted(properties))}`)
    .join('\n');
}
