import fc from 'fast-check';
import { LawBroken, LawUndecided } from '../check/broken.ts';
import type { CorpusCase } from '../check/corpus.ts';
import { nameOf, show } from '../check/expect.ts';
import type { CheckOptions, LawContext, Profile, Run } from './context.ts';
import { deriveSeed, type ReplayToken } from './token.ts';

/** A case that broke a law, with all it takes to see it again. */
export class CheckFailed extends Error {
  override readonly name = 'CheckFailed';
  readonly trace: readonly string[];
  readonly value: unknown;
  readonly check: number;
  readonly path: string;
  readonly run: number;
  readonly shrinks: number;

  constructor(error: unknown, facts: { value: unknown; check: number; path: string; run: number; shrinks: number }) {
    super(error instanceof LawBroken ? error.message : nameOf(error), { cause: error });
    this.trace = error instanceof LawBroken ? error.trace : [];
    this.value = facts.value;
    this.check = facts.check;
    this.path = facts.path;
    this.run = facts.run;
    this.shrinks = facts.shrinks;
  }
}

export interface CheckerOptions {
  readonly law: string;
  readonly seed: number;
  readonly profile: Profile;
  readonly corpus: readonly CorpusCase[];
  readonly replay?: ReplayToken;
  readonly count: (fact: string, met?: boolean) => void;
  readonly ran: (runs: number) => void;
}

/** `check` and `example` of a law's context. */
export function checker(options: CheckerOptions): Pick<LawContext<'op-store'>, 'check' | 'example'> {
  let checks = 0;
  let cases = 0;

  /** Tries one case and gives what it said to the error. */
  const attempt = async (test: (run: Run) => Promise<void>): Promise<void> => {
    const trace: string[] = [];
    const number = cases++;
    options.ran(1);
    try {
      await test({ fresh: (prefix) => `${prefix}${number}q`, say: (line) => trace.push(line), count: options.count });
    } catch (error) {
      if (error instanceof LawUndecided) throw error;
      throw new LawBroken(error instanceof LawBroken ? error.message : nameOf(error), trace, error);
    }
  };

  const verify = async <Value>(
    arbitrary: fc.Arbitrary<Value>,
    test: (value: Value, run: Run) => Promise<void>,
    number: number,
    hangMs: number,
    parameters: fc.Parameters<[Value]>,
  ): Promise<void> => {
    let hung = false;
    const property = fc.asyncProperty(arbitrary, async (value) => {
      if (hung) return; // shrinking a hang would wait as long for each step
      await within(hangMs, () => attempt((run) => test(value, run))).catch((error: unknown) => {
        hung = error instanceof LawHung;
        throw error;
      });
    });
    const details = await fc.check(property, { interruptAfterTimeLimit: hangMs * 20, ...parameters });
    if (details.failed) {
      if (details.errorInstance instanceof LawUndecided) throw details.errorInstance;
      const facts = {
        value: details.counterexample?.[0],
        path: details.counterexamplePath ?? '',
        run: details.numRuns,
        shrinks: details.numShrinks,
      };
      throw new CheckFailed(details.errorInstance, { ...facts, check: number });
    }
    if (details.interrupted) throw new LawUndecided(`cut after ${details.numRuns} of ${parameters.numRuns} cases: too slow here`);
  };

  return {
    check: async (arbitrary, test, { runs, fullFactor = 6, hangMs = 20_000 }: CheckOptions) => {
      const number = checks++;
      const seed = deriveSeed(options.seed, options.law, number);
      const { replay } = options;
      if (replay) {
        if (replay.check !== number) return;
        return await verify(arbitrary, test, number, hangMs, { seed, path: replay.path, numRuns: 1, endOnFailure: true });
      }
      const saved = options.corpus.filter((one) => one.law === options.law && one.check === number);
      const examples = saved.map((one): [never] => [one.value as never]);
      if (examples.length > 0) await verify(arbitrary, test, number, hangMs, { seed, examples, numRuns: examples.length });
      await verify(arbitrary, test, number, hangMs, { seed, numRuns: options.profile === 'full' ? runs * fullFactor : runs });
    },
    example: async (test, { hangMs = 60_000 } = {}) => {
      const number = checks++;
      if (options.replay && options.replay.check !== number) return;
      try {
        await within(hangMs, () => attempt(test));
      } catch (error) {
        if (error instanceof LawUndecided) throw error;
        throw new CheckFailed(error, { value: undefined, check: number, path: '', run: 1, shrinks: 0 });
      }
    },
  };
}

class LawHung extends LawBroken {}

/** Fails a case that does not end: a deadlock must not stop the whole run. */
async function within(ms: number, work: () => Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new LawHung(`did not end within ${show(ms)} ms`)), ms);
  });
  try {
    await Promise.race([work(), hung]);
  } finally {
    clearTimeout(timer);
  }
}
