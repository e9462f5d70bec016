/** How many there are of each. */
export interface Counts<Key> {
  readonly of: (key: Key) => number;
  readonly add: (key: Key) => void;
  readonly remove: (key: Key) => void;
}

export function counts<Key>(): Counts<Key> {
  const held = new Map<Key, number>();
  return {
    of: (key) => held.get(key) ?? 0,
    add: (key) => void held.set(key, (held.get(key) ?? 0) + 1),
    remove: (key) => {
      const left = (held.get(key) ?? 0) - 1;
      if (left > 0) held.set(key, left);
      else held.delete(key);
    },
  };
}
