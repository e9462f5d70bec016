import type { ClientSessionOptions, Moment } from './client-session-types.ts';

/** Full jitter under a doubling, capped bound. Units: milliseconds. Source: M. Brooker, "Exponential Backoff And Jitter", 2015. */
export function backoffMs(options: ClientSessionOptions, attempts: number, { random }: Moment): number {
  return random * Math.min(options.backoffCapMs, options.backoffBaseMs * 2 ** Math.min(attempts, 30));
}

/** Long, and spread over twice its length, so that many clients do not come back together. */
export function seldomMs(options: ClientSessionOptions, { random }: Moment): number {
  return options.hopelessMs * (1 + random);
}
