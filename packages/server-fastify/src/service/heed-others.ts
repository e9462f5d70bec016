import type { Activity } from './activity.ts';
import type { LogSizes } from './log-size.ts';
import type { ServiceParts } from './stores.ts';

export interface HeedParts extends Pick<ServiceParts, 'directory' | 'events'> {
  readonly sizes: LogSizes;
  readonly activity: Activity;
}

/** What another server did to a workspace voids what is remembered of it here, and ends the work under way in one that was deleted. */
export function heedOthers({ directory, events, sizes, activity }: HeedParts): void {
  events.listen({
    heard: (hint) => {
      if (hint.kind === 'appended') return;
      sizes.forget(hint.workspace);
      if (hint.kind !== 'fenced' || !activity.isRunning(hint.workspace)) return;
      directory.get(hint.workspace).then(
        (entry) => {
          if (entry?.state !== 'active') void activity.stop(hint.workspace);
        },
        () => undefined, // nobody can say: the work goes on, as without a hint
      );
    },
  });
}
