import { percent } from '../../check/coverage.ts';
import { levelsOf, levelText, shown } from '../level.ts';
import type { Report, SubjectReport } from '../report.ts';
import { linesOfFailure, totals } from '../terminal.ts';
import { visible } from './markup.ts';
import { lawsThatEnded, type Matrix, matricesOf, type OpenLaw, signs } from './matrix.ts';

/** A run as one page of Markdown, for a summary of CI or a comment. */
export function markdownOf(report: Report): string {
  return [
    '# Conformance',
    `Kit ${report.kit} · seed ${report.seed} · ${report.profile} · **${totals(report)}**`,
    report.subjects.map(headOf).join('\n'),
    ...lawsThatEnded(report, 'fail', 'inconclusive', 'known failure').map(openOf),
    notRunOf(report),
    ...matricesOf(report).flatMap(matrixOf),
    `${Object.entries(signs)
      .map(([verdict, sign]) => `${sign} ${verdict}`)
      .join(' · ')}`,
    ...report.subjects.map(coverageOf),
  ]
    .filter((block) => block !== '')
    .join('\n\n')
    .concat('\n');
}

/** Text that means nothing to Markdown, HTML in it, or a forge that calls people by `@`. On one line. */
const plain = (text: string): string =>
  visible(text)
    .replace(/\s+/g, ' ')
    .replace(/[\\`*_{}[\]#+!|~]/g, '\\$&')
    .replace(/[&<>@]/g, (char) => `&${char === '@' ? '#64' : { '&': 'amp', '<': 'lt', '>': 'gt' }[char]};`);

/** A block of code whose fence is longer than any in it. */
function fenced(text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}\n${visible(text)}\n${fence}`;
}

function headOf(subject: SubjectReport): string {
  const level = levelText(shown(levelsOf(subject))) || `none shown (${levelsOf(subject)[0]?.lack})`;
  const error = subject.error === undefined ? '' : `\n  - could not be tried: ${plain(subject.error)}`;
  return `- **${plain(subject.subject)}** ${subject.kind}, ${subject.seconds.toFixed(1)} s, level: ${plain(level)}${error}`;
}

function openOf({ law, subject }: OpenLaw): string {
  const reason = law.reason === undefined ? '' : `\n\n${plain(law.reason)}`;
  const lines = law.failure ? `\n\n${fenced(linesOfFailure(law, subject).join('\n'))}` : '';
  return `## ${signs[law.verdict]} ${law.law} ${law.verdict}: ${plain(subject.subject)}\n\n${plain(law.title)}${reason}${lines}`;
}

function notRunOf(report: Report): string {
  const all = lawsThatEnded(report, 'not run');
  if (all.length === 0) return '';
  const lines = all.map(({ law, subject }) => `- ${plain(subject.subject)}: ${law.law} ${plain(law.title)} (${plain(law.reason ?? '')})`);
  return ['## Not run here', '', ...lines].join('\n');
}

function matrixOf({ kind, subjects, rows }: Matrix): readonly string[] {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    `## ${kind}`,
    [
      line(['law', ...subjects.map(({ subject }) => plain(subject)), 'promise']),
      `|${'---|'.repeat(subjects.length + 2)}`,
      ...rows.map(({ law, title, cells }) => line([law, ...cells.map((cell) => (cell ? signs[cell.verdict] : '')), plain(title)])),
    ].join('\n'),
  ];
}

function coverageOf(subject: SubjectReport): string {
  const facts = subject.laws.flatMap((law) =>
    Object.entries(law.coverage).map(
      ([fact, { met, of }]) => `| ${law.law} | ${plain(fact)} | ${met} of ${of} | ${percent(of === 0 ? 0 : met / of)} |`,
    ),
  );
  if (facts.length === 0) return '';
  return [`## Coverage of ${plain(subject.subject)}`, '', '| law | fact | met | share |', '|---|---|---|---|', ...facts].join('\n');
}
