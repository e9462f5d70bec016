import { beforeAll, describe, it } from 'vitest';
import { allLaws } from '../laws/all.ts';
import type { SubjectKind } from '../spec/kind.ts';
import { type AnySubject, type Place, type SubjectOptions, subjectOf } from '../subject.ts';
import { findTools } from '../world/tools.ts';
import { loadDefaultCorpus } from './corpus.ts';
import { runLaw } from './engine.ts';
import { wordOfModule } from './replay.ts';
import { collectSubject } from './subjects.ts';
import { lawLine, linesOfFailure } from './terminal.ts';

/** The seed of tests: fixed, so that a suite that was green stays green. Fresh seeds are the command's business. */
const testSeed = 20_260_401;

/** Describes a store's conformance: one test for each law. The quick profile; an annotation says what was not run or is not claimed. */
function describeSubject<Kind extends SubjectKind, At extends Place>(kind: Kind, options: SubjectOptions<Kind, At>): void {
  const subject = subjectOf(kind, options);
  if (collectSubject(subject)) return; // a child process loads the test file for its subject alone
  describeLaws(subject as unknown as AnySubject);
}

/** The same for a subject that a `*.subject.ts` file exports. */
export function describeLaws(subject: AnySubject): void {
  const machine = findTools();
  describe(`${subject.name} keeps the laws of ${subject.kind}`, () => {
    beforeAll(async () => {
      if (subject.missing === undefined) await subject.prepare?.();
    }, 120_000);
    for (const law of allLaws.filter((one) => one.kind === subject.kind)) {
      it.skipIf(subject.missing !== undefined)(`${law.id} ${law.title}`, async ({ annotate }) => {
        const report = await runLaw(law, subject, { seed: testSeed, profile: 'quick', machine, corpus: await loadDefaultCorpus() });
        if (report.verdict === 'fail' || report.verdict === 'inconclusive')
          throw new Error(linesOfFailure(report, { subject: subject.name, word: wordOfModule(subject) }).join('\n'));
        if (report.verdict !== 'pass') await annotate(lawLine(report), report.verdict);
      });
    }
  });
}

type Describe<Kind extends SubjectKind> = <At extends Place>(options: SubjectOptions<Kind, At>) => void;

/** What an adapter's test file calls: `conformance.opStore({ name, setup, open, module: import.meta.url })`. */
export const conformance: {
  readonly opStore: Describe<'op-store'>;
  readonly blobStore: Describe<'blob-store'>;
  readonly secretStore: Describe<'secret-store'>;
  readonly transport: Describe<'transport'>;
  readonly sync: Describe<'sync'>;
  readonly outbox: Describe<'outbox'>;
  readonly fileIndex: Describe<'file-index'>;
} = {
  opStore: (options) => describeSubject('op-store', options),
  blobStore: (options) => describeSubject('blob-store', options),
  secretStore: (options) => describeSubject('secret-store', options),
  transport: (options) => describeSubject('transport', options),
  sync: (options) => describeSubject('sync', options),
  outbox: (options) => describeSubject('outbox', options),
  fileIndex: (options) => describeSubject('file-index', options),
};
