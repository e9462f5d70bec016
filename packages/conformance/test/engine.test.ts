import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { LawBroken } from '../src/check/broken.ts';
import { brokenRules } from '../src/check/history.ts';
import { steps } from '../src/gen/steps.ts';
import { runConformance, runLaw } from '../src/run/engine.ts';
import { succeeded } from '../src/run/report.ts';
import { encodeToken, kitVersion, parseToken } from '../src/run/token.ts';
import type { Law } from '../src/spec/law.ts';
import { mutantSubject } from '../src/zoo/mutant.ts';

const machine = new Set([] as const);
const quick = { seed: 11, profile: 'quick', machine } as const;
const law = (parts: Partial<Law<'op-store'>> & Pick<Law<'op-store'>, 'run'>): Law<'op-store'> => ({
  id: 'X-01',
  title: 'a law of this test',
  why: '',
  group: 'test',
  kind: 'op-store',
  ...parts,
});

/** Fails once three steps have a kind over 50. */
const fragile = (seen: (readonly number[])[]) =>
  law({
    run: (context) =>
      context.check(
        steps(30),
        async (plan, run) => {
          seen.push(plan.map(([kind]) => kind));
          for (const [kind] of plan) run.say(`step ${kind}`);
          if (plan.filter(([kind]) => kind > 50).length >= 3) throw new LawBroken('three are too many');
        },
        { runs: 50 },
      ),
  });

describe('a failure', () => {
  it('is shrunk, told as a trace, and its token runs exactly the shrunk case again', async () => {
    const first = await runLaw(fragile([]), mutantSubject(), quick);
    expect(first.verdict).toBe('fail');
    expect(first.failure?.trace).toEqual(['step 51', 'step 51', 'step 51']);
    const seen: (readonly number[])[] = [];
    const again = await runLaw(fragile(seen), mutantSubject(), { ...quick, replay: parseToken(first.failure?.replay ?? '') });
    expect(seen).toEqual([[51, 51, 51]]);
    expect(again.failure?.message).toBe('three are too many');
  });

  it('of the corpus is tried first', async () => {
    const value = [60, 61, 62].map((kind) => [kind, 0, 0, 0]);
    const seen: (readonly number[])[] = [];
    await runLaw(fragile(seen), mutantSubject(), { ...quick, corpus: [{ law: 'X-01', check: 0, value, note: 'three' }] });
    expect(seen[0]).toEqual([60, 61, 62]);
  });

  it('that is known does not fail the run, unless all is required; once it is gone, its entry does', async () => {
    const known = { ...mutantSubject(), knownFailures: { 'X-01': 'being repaired' } };
    const broken = law({ run: (context) => context.example(() => Promise.reject(new LawBroken('no'))) });
    const whole = law({ run: (context) => context.example(() => Promise.resolve()) });
    const report = await runConformance([known], [broken], quick);
    expect(report.subjects[0]?.laws[0]?.verdict).toBe('known failure');
    expect([succeeded(report, false), succeeded(report, true)]).toEqual([true, false]);
    expect((await runConformance([known], [whole], quick)).subjects[0]?.laws[0]?.verdict).toBe('fail');
  });

  it('of a case that never ends is told, and not waited for again', async () => {
    const stuck = law({ run: (context) => context.check(steps(5), () => new Promise<void>(() => undefined), { runs: 5, hangMs: 50 }) });
    expect((await runLaw(stuck, mutantSubject(), quick)).failure?.message).toContain('did not end');
  });
});

describe('a verdict', () => {
  it('is inconclusive below a floor, and where no case was tried', async () => {
    const low = law({
      floors: { 'rare things': { count: 3 } },
      run: (context) => context.example(async (run) => run.count('rare things')),
    });
    expect(await runLaw(low, mutantSubject(), quick)).toMatchObject({ verdict: 'inconclusive', reason: 'rare things: 1 times (floor 3)' });
    expect(await runLaw(law({ run: () => Promise.resolve() }), mutantSubject(), quick)).toMatchObject({ verdict: 'inconclusive' });
  });

  it('is not run where a tool is missing, by name, and then nothing counts as tried', async () => {
    const needy = law({ tools: ['strace', 'child process'], run: (context) => context.example(() => Promise.resolve()) });
    const report = await runConformance([mutantSubject()], [needy], quick);
    expect(report.subjects[0]?.laws[0]).toMatchObject({ verdict: 'not run', reason: 'needs strace, child process' });
    expect(succeeded(report, false)).toBe(false);
  });

  it('of an unclaimed law depends on the refusal', async () => {
    const needs = { name: 'wings', holds: () => false };
    const refusing = law({ needs, refusal: () => Promise.resolve(), run: () => Promise.reject(new Error('must not run')) });
    const silent = law({ needs, refusal: () => Promise.reject(new LawBroken('it flew')), run: () => Promise.resolve() });
    expect(await runLaw(refusing, mutantSubject(), quick)).toMatchObject({
      verdict: 'not claimed',
      reason: 'wings is not claimed; refusal verified',
    });
    expect(await runLaw(silent, mutantSubject(), quick)).toMatchObject({ verdict: 'fail' });
  });

  it('of nothing at all is no success', async () => {
    expect(succeeded(await runConformance([], [], quick), false)).toBe(false);
    expect(succeeded(await runConformance([mutantSubject()], [], quick), false)).toBe(false);
    const unclaimed = law({ needs: { name: 'wings', holds: () => false }, run: () => Promise.resolve() });
    expect(succeeded(await runConformance([mutantSubject()], [unclaimed], quick), false)).toBe(false);
  });
});

describe('a replay token', () => {
  it('names the version of the package', () => {
    expect(kitVersion).toBe((createRequire(import.meta.url)('../package.json') as { version: string }).version);
  });

  it('comes back as it was, and nothing else is one', () => {
    const token = { seed: 5, check: 1, path: '0:2:1', version: '0.1.0' };
    expect(parseToken(encodeToken(token))).toEqual(token);
    for (const bad of ['', '5', '5/0:0.1.0', 'x/0/1:0.1.0', '5/0/1:']) expect(() => parseToken(bad)).toThrow(TypeError);
  });
});

describe('the check of histories', () => {
  const ids = (...all: string[]): ReadonlySet<string> => new Set(all);
  const read = (seen: ReadonlySet<string>, invoked: number, returned: number) => ({ kind: 'read', ids: seen, invoked, returned }) as const;
  const batch = { kind: 'append', ids: ['a', 'b'], invoked: 0, returned: 1, outcome: 'acknowledged' } as const;

  it.each([
    ['R1', [batch, read(ids('a'), 2, 3)]],
    ['R2', [batch, read(ids(), 2, 3)]],
    ['R3', [{ ...batch, invoked: 5, returned: 6 }, read(ids('a', 'b'), 2, 3)]],
    ['R4', [read(ids('x'), 0, 1), read(ids('y'), 0, 1)]],
    ['R5', [{ ...batch, outcome: 'refused' as const }, read(ids('a', 'b'), 2, 3)]],
  ])('finds what breaks %s', (rule, history) => {
    expect(brokenRules(history)).toEqual([expect.stringContaining(rule)]);
  });

  it('finds nothing in a history that is whole', () => {
    expect(brokenRules([batch, read(ids(), 0, 0), read(ids('a', 'b'), 2, 3), { ...batch, ids: ['c'], outcome: 'unknown' }])).toEqual([]);
  });
});
