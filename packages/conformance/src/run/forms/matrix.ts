import type { SubjectKind } from '../../spec/kind.ts';
import type { LawReport, Report, SubjectReport, Verdict } from '../report.ts';

/** Laws × subjects of one kind. */
export interface Matrix {
  readonly kind: SubjectKind;
  readonly subjects: readonly SubjectReport[];
  readonly rows: readonly MatrixRow[];
}

export interface MatrixRow {
  readonly law: string;
  readonly title: string;
  /** What each subject's run of it found, in the order of the subjects. */
  readonly cells: readonly (LawReport | undefined)[];
}

/** Subjects of different kinds share no law: a matrix for each kind, laws in the order they were tried. */
export function matricesOf(report: Report): readonly Matrix[] {
  const kinds = [...new Set(report.subjects.map(({ kind }) => kind))];
  return kinds.map((kind) => {
    const subjects = report.subjects.filter((subject) => subject.kind === kind);
    const titles = new Map(subjects.flatMap(({ laws }) => laws.map((law) => [law.law, law.title])));
    const rows = [...titles].map(([law, title]) => ({
      law,
      title,
      cells: subjects.map(({ laws }) => laws.find((one) => one.law === law)),
    }));
    return { kind, subjects, rows };
  });
}

/** A verdict as one sign; told apart by shape, not by colour. */
export const signs: Readonly<Record<Verdict, string>> = {
  pass: '✓',
  fail: '✗',
  inconclusive: '?',
  'known failure': '!',
  'not run': '–',
  'not claimed': '○',
};

export interface OpenLaw {
  readonly subject: SubjectReport;
  readonly law: LawReport;
  /** Names it within a page; made of numbers and the law's id, as names of subjects may be anything. */
  readonly anchor: string;
}

/** The laws of a run that ended so, subject by subject, in the order of the verdicts. */
export function lawsThatEnded(report: Report, ...verdicts: readonly Verdict[]): readonly OpenLaw[] {
  return verdicts.flatMap((verdict) =>
    report.subjects.flatMap((subject, index) =>
      subject.laws.filter((law) => law.verdict === verdict).map((law) => ({ subject, law, anchor: anchorOf(index, law) })),
    ),
  );
}

export const anchorOf = (subject: number, law: LawReport): string => `open-${subject}-${law.law}`;
