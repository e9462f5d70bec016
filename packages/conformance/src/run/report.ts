import type { Coverage } from '../check/coverage.ts';
import type { SubjectKind } from '../spec/kind.ts';
import type { Profile } from './context.ts';

export type Verdict = 'pass' | 'fail' | 'inconclusive' | 'not run' | 'not claimed' | 'known failure';

export interface LawFailure {
  readonly message: string;
  /** What was done before, in the words of the domain. */
  readonly trace: readonly string[];
  /** The shrunk case, as generated. */
  readonly value: unknown;
  /** For `--replay`, with `--law`. */
  readonly replay: string;
  readonly run: number;
  readonly shrinks: number;
}

export interface LawReport {
  readonly law: string;
  readonly title: string;
  readonly group: string;
  readonly verdict: Verdict;
  /** Why it was not run, not claimed or inconclusive; what is known of a failure. */
  readonly reason?: string;
  readonly runs: number;
  readonly seconds: number;
  readonly seed: number;
  readonly coverage: Coverage;
  readonly failure?: LawFailure;
}

export interface SubjectReport {
  readonly subject: string;
  readonly kind: SubjectKind;
  /** What names it on the command line, where its name does not. */
  readonly word?: string;
  readonly seconds: number;
  readonly laws: readonly LawReport[];
  /** Set if the subject could not even be set up. */
  readonly error?: string;
}

/** Everything a run found: the terminal, JSON and every other form print this. */
export interface Report {
  readonly kit: string;
  readonly seed: number;
  readonly profile: Profile;
  readonly subjects: readonly SubjectReport[];
}

/** True if nothing failed and nothing was left undecided; with `requireAll` also nothing left out that could be run elsewhere, and nothing excused. */
export function succeeded(report: Report, requireAll: boolean): boolean {
  const laws = report.subjects.flatMap((subject) => subject.laws);
  const bad = new Set<Verdict>(requireAll ? ['fail', 'inconclusive', 'not run', 'known failure'] : ['fail', 'inconclusive']);
  const judged = laws.some((law) => law.runs > 0) && report.subjects.every((one) => one.error === undefined && one.laws.length > 0);
  return judged && laws.every((law) => !bad.has(law.verdict));
}
