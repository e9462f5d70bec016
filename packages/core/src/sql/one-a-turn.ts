import type { Schedule } from './group-commit.ts';

/** Spreads work that holds the turn for milliseconds: who asks first in a turn may go on at once (undefined), others in one of the next turns each, in the
 *  order they asked. So what came for others is dealt with in between. */
export function oneATurn(schedule: Schedule): () => Promise<void> | undefined {
  const waiting: (() => void)[] = [];
  let taken = false;
  const next = (): void => {
    const first = waiting.shift();
    taken = first !== undefined;
    if (!first) return;
    first();
    schedule(next);
  };
  return () => {
    if (taken) return new Promise<void>((resolve) => waiting.push(resolve));
    taken = true;
    schedule(next);
    return undefined;
  };
}
