/** The one list by which both CORS and WebSocket upgrades judge who embeds the server. */
export interface OriginPolicy {
  /** True for no origin (not a browser) and for those listed. */
  readonly allows: (origin: string | undefined) => boolean;
  /** The server's own pages may always call it. */
  readonly add: (origin: string) => void;
}

/** `*` allows all. Compared as a whole: `null` and look-alikes are strangers. */
export function originPolicy(list: readonly string[]): OriginPolicy {
  const known = new Set(list.map((origin) => (origin === '*' ? origin : new URL(origin).origin)));
  return {
    allows: (origin) => origin === undefined || known.has('*') || known.has(origin),
    add: (origin) => void known.add(new URL(origin).origin),
  };
}
