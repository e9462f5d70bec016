import { LawUndecided } from '../check/broken.ts';
import type { CorpusCase } from '../check/corpus.ts';
import { belowFloors, coverageCounter } from '../check/coverage.ts';
import { nameOf } from '../check/expect.ts';
import type { SubjectKind } from '../spec/kind.ts';
import type { AnyLaw, Law } from '../spec/law.ts';
import type { AnySubject, Subject } from '../subject.ts';
import { openScope } from '../world/scope.ts';
import { type Tool, toolsFor } from '../world/tools.ts';
import { worldFor } from '../world/world.ts';
import { CheckFailed, checker } from './checker.ts';
import type { LawContext, Profile, Room } from './context.ts';
import type { LawFailure, LawReport, Report, SubjectReport, Verdict } from './report.ts';
import { openRoom } from './room.ts';
import { deriveSeed, encodeToken, kitVersion, type ReplayToken } from './token.ts';

export interface RunOptions {
  readonly seed: number;
  readonly profile: Profile;
  readonly machine: ReadonlySet<Tool>;
  readonly corpus?: readonly CorpusCase[];
  /** One case of one law instead of all. */
  readonly replay?: ReplayToken;
}

export interface RunEvents {
  readonly begin?: (subject: AnySubject, law: AnyLaw, done: number, of: number) => void;
  readonly end?: (subject: AnySubject, report: LawReport) => void;
}

/** Tries every law on every subject of its kind. */
export async function runConformance(
  subjects: readonly AnySubject[],
  laws: readonly AnyLaw[],
  options: RunOptions,
  events: RunEvents = {},
): Promise<Report> {
  const reports: SubjectReport[] = [];
  for (const subject of subjects) {
    const begun = performance.now();
    const mine = laws.filter((law) => law.kind === subject.kind);
    const results: LawReport[] = [];
    if (subject.missing === undefined) await subject.prepare?.();
    for (const [index, law] of mine.entries()) {
      events.begin?.(subject, law, index, mine.length);
      const result = await runLaw(law, subject, options);
      events.end?.(subject, result);
      results.push(result);
    }
    reports.push({ subject: subject.name, kind: subject.kind, seconds: secondsSince(begun), laws: results });
  }
  return { kit: kitVersion, seed: options.seed, profile: options.profile, subjects: reports };
}

const secondsSince = (begun: number): number => Math.round(performance.now() - begun) / 1000;

/** Tries one law on one subject. Never throws: whatever happens is the verdict. */
export async function runLaw<Kind extends SubjectKind>(
  law: AnyLaw | Law<Kind>,
  subject: AnySubject | Subject<Kind>,
  options: RunOptions,
): Promise<LawReport> {
  const begun = performance.now();
  // The two belong together: the caller chose the law by the subject's kind.
  const judged = await judge(law as Law<Kind>, subject as unknown as Subject<Kind>, options);
  const { id, title, group } = law;
  const report = { law: id, title, group, seconds: secondsSince(begun), seed: deriveSeed(options.seed, id), ...judged };
  return withKnownFailure(report, subject.knownFailures?.[id]);
}

type Judged = Pick<LawReport, 'verdict' | 'runs' | 'coverage'> & { readonly reason?: string; readonly failure?: LawFailure };

async function judge<Kind extends SubjectKind>(law: Law<Kind>, subject: Subject<Kind>, options: RunOptions): Promise<Judged> {
  // A process that is killed, or watched by strace, writes to a real disk.
  const scope = openScope(law.tools?.includes('child process') ? 'disk' : 'memory');
  const counter = coverageCounter();
  let runs = 0;
  const outcome = (verdict: Verdict, more: { reason?: string; failure?: LawFailure } = {}): Judged => ({
    verdict,
    runs,
    coverage: counter.coverage(),
    ...more,
  });
  const tools = toolsFor(options.machine, subject);
  const tryLaw = async (): Promise<Judged> => {
    if (subject.missing !== undefined) return outcome('not run', { reason: subject.missing });
    const context = contextOf();
    if (law.needs && !law.needs.holds((await context.shared()).store, subject)) {
      if (!law.refusal) return outcome('not claimed', { reason: `${law.needs.name} is not claimed` });
      await law.refusal(context);
      return outcome('not claimed', { reason: `${law.needs.name} is not claimed; refusal verified` });
    }
    const missing = (law.tools ?? []).filter((tool) => !tools.has(tool));
    if (missing.length > 0) return outcome('not run', { reason: `needs ${missing.join(', ')}` });
    await law.run(context);
    if (runs === 0)
      return outcome('inconclusive', { reason: options.replay ? 'the token names no case of this law' : 'no case was tried' });
    const low = options.replay ? [] : belowFloors(counter.coverage(), law.floors ?? {});
    return low.length > 0 ? outcome('inconclusive', { reason: low.join('; ') }) : outcome('pass');
  };
  const contextOf = (): LawContext<Kind> => {
    let shared: Promise<Room<Kind>> | undefined;
    const room = (): Promise<Room<Kind>> => openRoom(subject, scope);
    return {
      subject,
      profile: options.profile,
      seed: deriveSeed(options.seed, law.id),
      world: worldFor(subject, tools, scope.after),
      scope,
      room,
      shared: () => (shared ??= room()),
      size: (quick, full) => (options.profile === 'full' ? full : quick),
      ...checker({
        law: law.id,
        seed: options.seed,
        profile: options.profile,
        corpus: options.corpus ?? [],
        ...(options.replay ? { replay: options.replay } : {}),
        count: counter.count,
        ran: (more) => {
          runs += more;
        },
      }),
    };
  };
  let judged: Judged;
  try {
    judged = await tryLaw();
  } catch (error) {
    judged =
      error instanceof LawUndecided
        ? outcome('inconclusive', { reason: error.message })
        : outcome('fail', { failure: failureOf(error, options.seed) });
  }
  try {
    await scope.end();
  } catch (error) {
    if (judged.verdict !== 'fail')
      judged = outcome('fail', { failure: failureOf(new Error(`cleaning up: ${nameOf(error)}`, { cause: error }), options.seed) });
  }
  return judged;
}

function failureOf(error: unknown, seed: number): LawFailure {
  const failed = error instanceof CheckFailed ? error : undefined;
  return {
    message: failed?.message ?? nameOf(error),
    trace: failed?.trace ?? [],
    value: failed?.value,
    replay: encodeToken({ seed, check: failed?.check ?? 0, path: failed?.path ?? '', version: kitVersion }),
    run: failed?.run ?? 0,
    shrinks: failed?.shrinks ?? 0,
  };
}

/** A known failure is loud but no surprise; one that is gone must be taken off the list. */
function withKnownFailure(report: LawReport, known: string | undefined): LawReport {
  if (known === undefined) return report;
  if (report.verdict === 'fail') return { ...report, verdict: 'known failure', reason: known };
  if (report.verdict !== 'pass') return report;
  const message = `listed as a known failure (${known}), but it holds: take it off the list`;
  const replay = encodeToken({ seed: report.seed, check: 0, path: '', version: kitVersion });
  return { ...report, verdict: 'fail', failure: { message, trace: [], value: undefined, replay, run: 0, shrinks: 0 } };
}
