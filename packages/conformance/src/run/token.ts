/** Version of the kit: a token is only exact for the version that made it. */
export const kitVersion = '0.1.0';

/** What it takes to run one case again: the run's seed, which check of the law it was, and fast-check's path to the shrunk case. */
export interface ReplayToken {
  readonly seed: number;
  readonly check: number;
  /** Empty for a case that nothing generated. */
  readonly path: string;
  readonly version: string;
}

export function encodeToken(token: ReplayToken): string {
  return `${token.seed}/${token.check}/${token.path}:${token.version}`;
}

/** Throws TypeError for anything `encodeToken` does not make. */
export function parseToken(text: string): ReplayToken {
  const match = /^(\d+)\/(\d+)\/([\d:]*):(\d+\.\d+\.\d+[\w.-]*)$/.exec(text);
  if (!match) throw new TypeError(`not a replay token: ${text}`);
  const [, seed, check, path, version] = match as unknown as [string, string, string, string, string];
  return { seed: Number(seed), check: Number(check), path, version };
}

/** A law's own seed: laws don't share random numbers, so that adding one changes no other. Source: FNV-1a, 32 bits. */
export function deriveSeed(seed: number, ...names: readonly (string | number)[]): number {
  let hash = 0x811c9dc5 ^ seed;
  for (const char of names.join('/')) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193);
  return hash & 0x7fffffff;
}
