/** Milliseconds until a token says it ends, or null where it does not say: only to ask for the next one in time, never to trust it. */
export function jwtLifetimeMs(token: string, now: number): number | null {
  const [, payload, signature] = token.split('.');
  if (payload === undefined || signature === undefined) return null;
  const claims = parseClaims(payload);
  if (typeof claims !== 'object' || claims === null) return null;
  const { exp, iat } = claims as { exp?: unknown; iat?: unknown };
  if (typeof exp !== 'number' || !Number.isFinite(exp)) return null;
  // A clock that is behind would renew too late: what the token was given for is the upper bound.
  const given = typeof iat === 'number' && iat < exp ? (exp - iat) * 1000 : Number.POSITIVE_INFINITY;
  return Math.max(0, Math.min(given, exp * 1000 - now));
}

function parseClaims(payload: string): unknown {
  try {
    return JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
  } catch {
    return undefined; // an opaque token of this shape
  }
}
