import { encodeServerMessage, type PresenceEntry } from '@spacestore/core/sync';
import type { RoomMember } from './room-member.ts';

/** Last values of everybody in a workspace: told once a turn, never stored. */
export interface PresenceBoard {
  readonly set: (member: RoomMember, key: string, value: unknown) => void;
  /** Tells a newcomer what is there. */
  readonly welcome: (member: RoomMember) => void;
  readonly left: (connection: string) => void;
}

/** Values are told at most so often: whoever sends more often has the last one told. */
const everyMs = 20;

/** Entries are sent in frames of about so many characters. */
const frameChars = 64 * 1024;

export function presenceBoard(ws: number, members: ReadonlyMap<string, RoomMember>): PresenceBoard {
  const values = new Map<string, Map<string, PresenceEntry>>();
  let changed = new Map<string, PresenceEntry>();
  let gone = new Set<string>();
  let planned = false;
  let toldAt = 0;

  const plan = (): void => {
    if (planned) return;
    planned = true;
    const wait = toldAt + everyMs - performance.now();
    if (wait > 0) setTimeout(tell, wait);
    else setImmediate(tell);
  };
  const tell = (): void => {
    planned = false;
    toldAt = performance.now();
    const entries = [...changed.values()];
    const left = [...gone];
    changed = new Map();
    gone = new Set();
    const authors = new Set(entries.map(({ client }) => client));
    let shared: readonly Uint8Array[] | undefined;
    for (const member of members.values()) {
      const own = authors.has(member.connection);
      if (!own) shared ??= framesOf(ws, entries, left);
      const others = own ? entries.filter(({ client }) => client !== member.connection) : entries;
      const frames = own ? framesOf(ws, others, left) : (shared ?? []);
      for (const frame of frames) member.offer(frame);
    }
  };

  return {
    set: ({ connection, user }, key, value) => {
      const entry: PresenceEntry = { client: connection, user, key, value };
      const own = values.get(connection) ?? new Map<string, PresenceEntry>();
      if (value === null) own.delete(key);
      else own.set(key, entry);
      if (own.size > 0) values.set(connection, own);
      else values.delete(connection);
      changed.set(`${connection}/${key}`, entry);
      plan();
    },
    welcome: (member) => {
      gone.delete(member.connection);
      const entries = [...values].flatMap(([connection, own]) => (connection === member.connection ? [] : [...own.values()]));
      for (const frame of framesOf(ws, entries, [])) member.offer(frame);
    },
    left: (connection) => {
      for (const [key, entry] of changed) if (entry.client === connection) changed.delete(key);
      if (!values.delete(connection)) return;
      gone.add(connection);
      plan();
    },
  };
}

function framesOf(ws: number, entries: readonly PresenceEntry[], left: readonly string[]): readonly Uint8Array[] {
  const frames: Uint8Array[] = [];
  let part: PresenceEntry[] = [];
  let chars = 0;
  const close = (names: readonly string[]): void => {
    if (part.length > 0 || names.length > 0) frames.push(encodeServerMessage({ kind: 'presence-down', ws, entries: part, left: names }));
    part = [];
    chars = 0;
  };
  for (const entry of entries) {
    part.push(entry);
    chars += JSON.stringify(entry.value).length + 100;
    if (chars > frameChars) close([]);
  }
  close(left);
  return frames;
}
