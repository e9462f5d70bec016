import { percent } from '../check/coverage.ts';
import { visible } from './forms/markup.ts';
import { levelsOf, levelText, shown } from './level.ts';
import { replayCommand } from './replay.ts';
import type { LawReport, Report, SubjectReport } from './report.ts';

/** One law in one line. */
export function lawLine(report: LawReport): string {
  const rest = report.reason === undefined ? '' : `: ${report.reason}`;
  return visible(`${report.law} ${report.title}: ${report.verdict}${rest}`);
}

/** A failed or undecided law with the example that shows it and the command that shows it again. */
export function linesOfFailure(report: LawReport, subject: Pick<SubjectReport, 'subject' | 'word'>): readonly string[] {
  if (!report.failure) return [`${report.verdict === 'inconclusive' ? '!' : '-'} ${lawLine(report)}`];
  const { failure } = report;
  const when = failure.run > 1 || failure.shrinks > 0 ? `   (case ${failure.run}, shrunk ${failure.shrinks} times)` : '';
  return [
    `${report.verdict === 'known failure' ? '! known failure' : 'x'} ${report.law} ${report.title}${when}`,
    ...(report.reason === undefined ? [] : [`    ${report.reason}`]),
    ...failure.trace.map((line) => `    ${line}`),
    ...failure.message.split('\n').map((line) => `    => ${line}`),
    `  replay: ${replayCommand(subject.word ?? subject.subject, report.law, failure)}`,
  ].map(visible);
}

/** The whole report of one subject. */
export function linesOfSubject(report: SubjectReport, run: Report): readonly string[] {
  const { laws } = report;
  const head = `${report.subject} ${report.kind} · kit ${run.kit} · seed ${run.seed} · ${run.profile} · ${report.seconds.toFixed(1)} s`;
  const all = levelsOf(report);
  const level = levelText(shown(all)) || `none shown (${all[0]?.lack})`;
  const open = laws.filter((law) => law.verdict !== 'pass' && law.verdict !== 'not claimed');
  return [
    `${head}   LEVEL: ${level}`,
    ` ${groupsOf(laws).join('   ')}`,
    ...open.flatMap((law) => linesOfFailure(law, report).map((line) => ` ${line}`)),
    ...laws.filter((law) => law.verdict === 'not claimed').map((law) => ` - ${law.law}: ${law.reason}`),
    ` coverage: ${coverageOf(laws)}`,
  ].map(visible);
}

function groupsOf(laws: readonly LawReport[]): readonly string[] {
  return [...new Set(laws.map((law) => law.group))].map((group) => {
    const members = laws.filter((law) => law.group === group);
    const of = members.filter((law) => law.verdict !== 'not claimed');
    const notRun = members.filter((law) => law.verdict === 'not run').length;
    return `${group} ${of.filter((law) => law.verdict === 'pass').length}/${of.length}${notRun > 0 ? ` (${notRun} not run)` : ''}`;
  });
}

function coverageOf(laws: readonly LawReport[]): string {
  const facts = laws.flatMap((law) => Object.entries(law.coverage).map(([fact, { met, of }]) => `${law.law} ${fact} ${percent(met / of)}`));
  return facts.join(', ') || 'none counted';
}

/** The last line: how many laws ended how. */
export function totals(run: Report): string {
  const laws = run.subjects.flatMap((subject) => subject.laws);
  const verdicts = [...new Set(laws.map((law) => law.verdict))];
  const counts = verdicts.map((verdict) => `${laws.filter((law) => law.verdict === verdict).length} ${verdict}`);
  return counts.join(', ') || 'nothing was tried';
}
