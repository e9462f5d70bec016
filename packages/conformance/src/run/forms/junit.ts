import { type LawReport, type Report, type SubjectReport, succeeded, type Verdict } from '../report.ts';
import { lawLine, linesOfFailure } from '../terminal.ts';
import { type Markup, markup } from './markup.ts';

/** A run as JUnit XML: a suite for each subject, a case for each law. It is red exactly where the command ends with 1. */
export function junitOf(report: Report, requireAll: boolean): string {
  const suites = report.subjects.map((subject) => suiteOf(subject, requireAll));
  // Readers of JUnit take a file of skipped cases for a success.
  const judged = succeeded(report, requireAll) || suites.some((suite) => suite.failures + suite.errors > 0);
  const all = judged ? suites : [...suites, errorSuite('the run', 'nothing was tried')];
  const sum = (of: 'tests' | 'failures' | 'errors' | 'skipped'): number => all.reduce((total, suite) => total + suite[of], 0);
  const seconds = report.subjects.reduce((total, subject) => total + subject.seconds, 0).toFixed(3);
  return markup`<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="spacestore-conformance" tests="${sum('tests')}" failures="${sum('failures')}" errors="${sum('errors')}" skipped="${sum('skipped')}" time="${seconds}">
${all.map(({ xml }) => xml)}</testsuites>
`.markup;
}

interface Suite {
  readonly tests: number;
  readonly failures: number;
  readonly errors: number;
  readonly skipped: number;
  readonly xml: Markup;
}

const failing: readonly Verdict[] = ['fail', 'inconclusive'];

function suiteOf(subject: SubjectReport, requireAll: boolean): Suite {
  if (subject.error !== undefined) return errorSuite(subject.subject, subject.error);
  const bad = new Set<Verdict>(requireAll ? [...failing, 'not run', 'known failure'] : failing);
  const failures = subject.laws.filter((law) => bad.has(law.verdict)).length;
  const skipped = subject.laws.filter((law) => law.verdict !== 'pass' && !bad.has(law.verdict)).length;
  const tests = subject.laws.length;
  const xml = markup`<testsuite name="${subject.subject}" tests="${tests}" failures="${failures}" errors="0" skipped="${skipped}" time="${subject.seconds.toFixed(3)}">
${subject.laws.map((law) => caseOf(law, subject, bad.has(law.verdict)))}</testsuite>
`;
  return { tests, failures, errors: 0, skipped, xml };
}

function caseOf(law: LawReport, subject: SubjectReport, bad: boolean): Markup {
  const head = markup`<testcase classname="${subject.subject}.${law.group}" name="${law.law} ${law.title}" time="${law.seconds.toFixed(3)}"`;
  if (law.verdict === 'pass') return markup`${head}/>\n`;
  const message = law.failure?.message.split('\n')[0] ?? law.reason ?? law.verdict;
  if (!bad) return markup`${head}><skipped message="${law.verdict}: ${message}"/></testcase>\n`;
  const lines = law.failure ? linesOfFailure(law, subject) : [lawLine(law)];
  return markup`${head}><failure type="${law.verdict}" message="${message}">${lines.join('\n')}</failure></testcase>\n`;
}

function errorSuite(name: string, message: string): Suite {
  const xml = markup`<testsuite name="${name}" tests="1" failures="0" errors="1" skipped="0" time="0">
<testcase classname="${name}" name="it could be tried" time="0"><error message="${message}"/></testcase>
</testsuite>
`;
  return { tests: 1, failures: 0, errors: 1, skipped: 0, xml };
}
