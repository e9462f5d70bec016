import type { UserId } from '@spacestore/core';
import type { PresenceEntry } from '@spacestore/core/sync';

/** What is known of one other client that is here now. */
export interface PresentClient {
  readonly client: string;
  readonly user: UserId;
  readonly values: ReadonlyMap<string, unknown>;
}

export interface PresenceBoard {
  /** The others, and the last value of each of their keys. */
  readonly others: () => readonly PresentClient[];
  /** Tells of every change; the returned function ends it. */
  readonly onChange: (listener: () => void) => () => void;
  readonly apply: (entries: readonly PresenceEntry[], left: readonly string[]) => void;
  readonly clear: () => void;
}

export function presenceBoard(): PresenceBoard {
  const present = new Map<string, PresentClient>();
  const listeners = new Set<() => void>();
  const tell = (): void => {
    for (const listener of listeners) listener();
  };
  return {
    others: () => [...present.values()],
    onChange: (listener) => {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    apply: (entries, left) => {
      for (const { client, user, key, value } of entries) {
        const values = new Map(present.get(client)?.values);
        if (value === null) values.delete(key);
        else values.set(key, value);
        if (values.size === 0) present.delete(client);
        else present.set(client, { client, user, values });
      }
      for (const client of left) present.delete(client);
      tell();
    },
    clear: () => {
      if (present.size === 0) return;
      present.clear();
      tell();
    },
  };
}
