/** A world's clock: things happen at a time, in order, and waiting costs nothing. */
export interface VirtualTime {
  readonly now: () => number;
  /** In [0, 1), from the seed. */
  readonly random: () => number;
  readonly at: (time: number, work: () => void) => void;
  readonly after: (delayMs: number, work: () => void) => void;
  /** Runs everything due until the time, and lets promises settle in between. */
  readonly runUntil: (time: number) => Promise<void>;
}

export function virtualTime(seed: number): VirtualTime {
  const queue: { readonly time: number; readonly order: number; readonly work: () => void }[] = [];
  let now = 0;
  let order = 0;
  let steps = 0;
  let state = seed | 0;
  const at = (time: number, work: () => void): void => {
    const entry = { time: Math.max(now, time), order: order++, work };
    let place = queue.length;
    while (place > 0 && (queue[place - 1] as typeof entry).time > entry.time) place--;
    queue.splice(place, 0, entry);
  };
  return {
    now: () => now,
    // mulberry32
    random: () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    },
    at,
    after: (delayMs, work) => at(now + delayMs, work),
    runUntil: async (time) => {
      await settled();
      while (queue.length > 0 && (queue[0] as { time: number }).time <= time) {
        const next = queue.shift() as (typeof queue)[number];
        now = next.time;
        if (++steps > maxSteps) throw new Error(`the world does not come to rest: ${maxSteps} steps, ${now} ms`);
        next.work();
        await settled();
      }
      now = time;
    },
  };
}

/** Far more than any story here needs. */
const maxSteps = 100_000;

/** Resolves when every promise that can settle without time has. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
