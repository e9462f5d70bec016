import type { Floor } from '../spec/law.ts';

/** How often a fact was looked for and met. */
export interface Tally {
  readonly met: number;
  readonly of: number;
}
export type Coverage = Readonly<Record<string, Tally>>;

export interface CoverageCounter {
  readonly count: (fact: string, met?: boolean) => void;
  readonly coverage: () => Coverage;
}

export function coverageCounter(): CoverageCounter {
  const tallies = new Map<string, { met: number; of: number }>();
  return {
    count: (fact, met = true) => {
      const tally = tallies.get(fact) ?? { met: 0, of: 0 };
      tallies.set(fact, tally);
      tally.of += 1;
      if (met) tally.met += 1;
    },
    coverage: () => Object.fromEntries([...tallies].map(([fact, tally]) => [fact, { ...tally }])),
  };
}

/** The floors a run stayed below, one line each; none if its silence means something. */
export function belowFloors(coverage: Coverage, floors: Readonly<Record<string, Floor>>): readonly string[] {
  return Object.entries(floors).flatMap(([fact, floor]) => {
    const { met, of } = coverage[fact] ?? { met: 0, of: 0 };
    if ('count' in floor) return met >= floor.count ? [] : [`${fact}: ${met} times (floor ${floor.count})`];
    const share = of === 0 ? 0 : met / of;
    return share >= floor.share ? [] : [`${fact}: ${percent(share)} of ${of} (floor ${percent(floor.share)})`];
  });
}

export const percent = (share: number): string => `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
