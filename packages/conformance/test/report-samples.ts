import type { LawReport, Report, SubjectReport, Verdict } from '../src/run/report.ts';

/** What a store might say to break the page it is told on: markup, scripts, ends of sections, fences, cells, control characters, half a surrogate pair. */
export const hostile =
  `</code></td><script>document.title='taken'</script><img src=x onerror="document.title='taken'"> ]]> --> & ' " \`\`\`\` | @all **b** [l](javascript:x) ` +
  '\u0000\u001b[2J\u202eevil\ud800\uffff\u200b';

/** A law of the catalogue that ended somehow. */
export function lawThatEnded(law: string, verdict: Verdict, more: Partial<LawReport> = {}): LawReport {
  const runs = verdict === 'not run' || verdict === 'not claimed' ? 0 : 3;
  return { law, title: `what ${law} promises`, group: 'semantics', verdict, runs, seconds: 0.25, seed: 1, coverage: {}, ...more };
}

export const subjectOfLaws = (laws: readonly LawReport[], more: Partial<SubjectReport> = {}): SubjectReport => ({
  subject: 'sample',
  kind: 'op-store',
  seconds: 1,
  laws,
  ...more,
});

export const reportOf = (...subjects: readonly SubjectReport[]): Report => ({ kit: '0.1.0', seed: 7, profile: 'quick', subjects });

/** A run in which everything happens, and every word of which is hostile. */
export const hostileReport: Report = reportOf(
  subjectOfLaws(
    [
      lawThatEnded('OP-01', 'pass', { coverage: { 'kills among work': { met: 2, of: 5 }, [hostile]: { met: 0, of: 0 } } }),
      lawThatEnded('OP-02', 'fail', {
        failure: {
          message: `${hostile}\nsecond line`,
          trace: ['append  a/a:0', hostile],
          value: hostile,
          replay: '7/0/0:0:0.1.0',
          run: 3,
          shrinks: 2,
        },
      }),
      lawThatEnded('OP-03', 'inconclusive', { reason: hostile }),
      lawThatEnded('OP-04', 'known failure', {
        reason: hostile,
        failure: { message: hostile, trace: [], value: undefined, replay: '7/0/:0.1.0', run: 1, shrinks: 0 },
      }),
      lawThatEnded('OP-05', 'not run', { reason: hostile }),
      lawThatEnded('OP-06', 'not claimed', { reason: hostile }),
    ],
    { subject: hostile },
  ),
  subjectOfLaws([lawThatEnded('OP-01', 'pass')], { subject: 'second' }),
);
