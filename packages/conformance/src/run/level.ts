import { allLaws } from '../laws/all.ts';
import type { SubjectKind } from '../spec/kind.ts';
import type { LawReport, Report, SubjectReport } from './report.ts';

export const levels = ['semantics', 'survives a process crash', 'survives a power cut', 'many processes', 'sealed at rest'] as const;
export type Level = (typeof levels)[number];

export interface LevelShown {
  readonly level: Level;
  /** Why it is not shown; undefined if it is. */
  readonly lack?: string;
}

/** What of the catalogue a level depends on. */
export type CatalogueEntry = { readonly id: string; readonly kind: SubjectKind; readonly tools?: readonly string[] };

interface Proof {
  /** The level it stands on. */
  readonly above: Level;
  /** The laws that show it, all of which must have passed. */
  readonly laws: Readonly<Partial<Record<SubjectKind, readonly string[]>>>;
}

/** A power cut is not simulated: OP-39 reads in a trace what was forced to disk before it was acknowledged. */
const proofs: Readonly<Record<Exclude<Level, 'semantics'>, Proof>> = {
  'survives a process crash': {
    above: 'semantics',
    laws: { 'op-store': ['OP-36', 'OP-37'], 'blob-store': ['BL-26'], outbox: ['OB-02', 'OB-03'] },
  },
  'survives a power cut': { above: 'survives a process crash', laws: { 'op-store': ['OP-39'] } },
  'many processes': { above: 'semantics', laws: { 'op-store': ['OP-31'] } },
  'sealed at rest': { above: 'semantics', laws: { 'secret-store': ['SE-02', 'SE-03', 'SE-04', 'SE-05'] } },
};

/** Each level, and whether a subject's run has shown it. One law that failed, also a known failure, or stayed undecided denies them all; a law that was
 *  not tried shows nothing. Semantics is every law of the kind that needs nothing but the store: held, or not claimed and refused. */
export function levelsOf(report: SubjectReport, catalogue: readonly CatalogueEntry[] = allLaws): readonly LevelShown[] {
  const byId = new Map(report.laws.map((law) => [law.law, law]));
  const broken = report.laws.find((law) => ['fail', 'known failure', 'inconclusive'].includes(law.verdict));
  const denied = report.error ?? lackOf(broken) ?? (report.laws.some(held) ? undefined : 'nothing was tried');
  const lacks = new Map<Level, string | undefined>();
  for (const level of levels) lacks.set(level, denied ?? lack(level));
  return levels.map((level) => {
    const why = lacks.get(level);
    return why === undefined ? { level } : { level, lack: why };
  });

  function lack(level: Level): string | undefined {
    if (level === 'semantics') {
      const needed = catalogue.filter((law) => law.kind === report.kind && (law.tools ?? []).length === 0);
      const open = needed.filter(({ id }) => !held(byId.get(id)) && byId.get(id)?.verdict !== 'not claimed');
      return open[0] && `${lackOf(byId.get(open[0].id), open[0].id)}${open.length > 1 ? `, and ${open.length - 1} more` : ''}`;
    }
    const { above, laws } = proofs[level];
    const needed = laws[report.kind];
    if (!needed) return 'no law for it';
    const open = needed.find((id) => !held(byId.get(id)));
    return lacks.get(above) ?? (open && lackOf(byId.get(open), open));
  }
}

const held = (law: LawReport | undefined): boolean => law?.verdict === 'pass' && law.runs > 0;

function lackOf(law: LawReport | undefined, id?: string): string | undefined {
  if (law) return `${law.law} ${law.verdict}`;
  return id && `${id} not tried`;
}

/** The levels that every subject of a run has shown; none for a run without subjects. */
export function levelsOfRun(report: Report, catalogue: readonly CatalogueEntry[] = allLaws): readonly Level[] {
  const each = report.subjects.map((subject) => shown(levelsOf(subject, catalogue)));
  return levels.filter((level) => each.length > 0 && each.every((some) => some.includes(level)));
}

export const shown = (all: readonly LevelShown[]): readonly Level[] =>
  all.filter((one) => one.lack === undefined).map(({ level }) => level);

/** Levels in a few words: one that stands on another speaks for both. Empty for none. */
export function levelText(some: readonly Level[]): string {
  const beneath = some.flatMap((level) => (level === 'semantics' ? [] : [proofs[level].above]));
  return some.filter((level) => !beneath.includes(level)).join(', ');
}
