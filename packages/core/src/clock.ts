/** Milliseconds since 1970. Every store takes one, so that tests own the time. */
export interface Clock {
  readonly now: () => number;
}

export const systemClock: Clock = { now: () => Date.now() };
