import type { TreeId } from '../ids.ts';
import { type Cursor, decodeCursor } from '../log/cursor.ts';
import type { Mark, SavedPlaces, TreeSet } from './client-session-types.ts';

/** The position of a cursor; 0 for none. Within one history, and along its lineage, positions say which of two cursors is ahead. */
export function positionOf(cursor: Cursor | null): number {
  return cursor === null ? 0 : decodeCursor(cursor).position;
}

/** Of two cursors of one history the one ahead. */
export function furthest(a: Cursor | null, b: Cursor | null): Cursor | null {
  return positionOf(b) >= positionOf(a) ? (b ?? a) : a;
}

/** The set a tree belongs to: the one that names it, else the one for all others. */
export function ownerOf(sets: readonly TreeSet[], tree: TreeId): TreeSet | undefined {
  let rest: TreeSet | undefined;
  for (const set of sets) {
    if (set.trees === null) rest = set;
    else if (set.trees.has(tree)) return set;
  }
  return rest;
}

/** The same sets, those marked standing at their new place. */
export function applyMarks(sets: readonly TreeSet[], marks: readonly Mark[]): readonly TreeSet[] {
  return sets.map((set) => {
    const mark = marks.find(({ sub }) => sub === set.sub);
    return mark === undefined ? set : { ...set, handled: mark.cursor };
  });
}

/** Trees to be read from now on, split off from where they stood when they were last read. What is covered already is left out. */
export function activate(
  active: readonly TreeSet[],
  dormant: SavedPlaces['sets'],
  trees: readonly TreeId[] | null,
): { readonly opened: SavedPlaces['sets']; readonly dormant: SavedPlaces['sets'] } {
  if (active.some((set) => set.trees === null)) return { opened: [], dormant };
  if (trees === null) {
    const rest = dormant.some((set) => set.trees === null) ? dormant : [...dormant, { trees: null, cursor: null }];
    return { opened: rest, dormant: [] };
  }
  const wanted = new Set(trees.filter((tree) => ownerOf(active, tree) === undefined));
  const opened: { trees: readonly TreeId[]; cursor: Cursor | null }[] = [];
  const kept: { trees: readonly TreeId[] | null; cursor: Cursor | null }[] = [];
  let restCursor: Cursor | null = null;
  for (const set of dormant) {
    if (set.trees === null) {
      restCursor = set.cursor;
      kept.push(set);
      continue;
    }
    const taken = set.trees.filter((tree) => wanted.has(tree));
    const left = set.trees.filter((tree) => !wanted.has(tree));
    if (taken.length > 0) opened.push({ trees: taken, cursor: set.cursor });
    if (left.length > 0) kept.push({ trees: left, cursor: set.cursor });
    for (const tree of taken) wanted.delete(tree);
  }
  if (wanted.size > 0) opened.push({ trees: [...wanted], cursor: restCursor });
  return { opened, dormant: kept };
}
