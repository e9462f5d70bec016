import type { Clock } from '@spacestore/core';

/** A clock a law owns. */
export interface TestClock extends Clock {
  /** Sets the time, backwards as well. */
  readonly set: (ms: number) => void;
  readonly advance: (ms: number) => void;
}

export function testClock(start = 1_800_000_000_000): TestClock {
  let time = start;
  return {
    now: () => time,
    set: (ms) => {
      time = ms;
    },
    advance: (ms) => {
      time += ms;
    },
  };
}
