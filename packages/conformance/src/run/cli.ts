#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { allLaws } from '../laws/all.ts';
import type { AnyLaw } from '../spec/law.ts';
import type { AnySubject } from '../subject.ts';
import { findTools } from '../world/tools.ts';
import { capabilityPage } from './capabilities.ts';
import type { Profile } from './context.ts';
import { loadDefaultCorpus } from './corpus.ts';
import { type RunEvents, runConformance } from './engine.ts';
import { writeForms } from './forms/write.ts';
import { type Report, type SubjectReport, succeeded } from './report.ts';
import { fileUrl, findSubjectFiles, loadSubjects } from './subjects.ts';
import { linesOfSubject, totals } from './terminal.ts';
import { parseToken } from './token.ts';

const usage = `spacestore-conformance [subject…] [options]

Tries the laws of Spacestore on stores. A subject is the name of one, the name of its file without .subject.ts, or a path;
none means every packages/*/test/*.subject.ts under the current folder.

  --law <id,…>         only these laws, e.g. OP-20,OP-21
  --group <name,…>     only these groups
  --profile <name>     quick (default) or full
  --seed <number>      the seed of everything; fresh and printed if absent
  --replay <token>     runs one failed case again (with --law)
  --require-all        laws that could not be run here, and known failures, fail the run
  --capabilities <file>  writes what the stores claim into a Markdown page, a table a contract; a subject that can't be opened here keeps its row
  --list               prints the subjects and laws that would run
  --json               prints the report as one JSON object
  --junit <file>       writes it as JUnit XML as well
  --markdown <file>    … as Markdown
  --html <file>        … as one page that needs no network
  --badge <file>       writes the level that every subject reached, as an SVG and beside it as JSON for shields.io
  --help               prints this

Exit code: 0 if every law held, was not claimed, or could not be run here (see --require-all); 1 if one failed or was inconclusive,
or nothing was tried; 2 if the command line is wrong.
`;

const options = {
  law: { type: 'string' },
  group: { type: 'string' },
  profile: { type: 'string', default: 'quick' },
  seed: { type: 'string' },
  replay: { type: 'string' },
  'require-all': { type: 'boolean', default: false },
  capabilities: { type: 'string' },
  list: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  junit: { type: 'string' },
  markdown: { type: 'string' },
  html: { type: 'string' },
  badge: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

class UsageError extends Error {}

process.exitCode = await main();
// A store that leaks a handle must not keep the command alive: the law about leaks judges that in a process of its own.
process.exit();

async function main(): Promise<number> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')) {
      process.stderr.write(`${(error as Error).message}\n\n${usage}`);
      return 2;
    }
    throw error;
  }
}

async function run(): Promise<number> {
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help) return print(usage, 0);
  const profile = values.profile as Profile;
  if (profile !== 'quick' && profile !== 'full') throw new UsageError(`no profile ${values.profile}`);
  const replay = values.replay === undefined ? undefined : tokenOf(values.replay, values.law);
  const seed = replay?.seed ?? (values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : seedOf(values.seed));
  const { selected, words } = await select(positionals);
  if (values.capabilities !== undefined) return writeCapabilities(values.capabilities, selected);
  const laws = chosen(allLaws, values.law, values.group).filter((law) => selected.some((subject) => subject.kind === law.kind));
  const subjects = selected.filter((subject) => laws.some((law) => law.kind === subject.kind));
  if (laws.length === 0) throw new UsageError('no law is left to try');
  if (values.list) return print(listing(subjects, laws, values.json), 0);
  const corpus = await loadDefaultCorpus();
  const found = await runConformance(
    subjects,
    laws,
    { seed, profile, machine: findTools(), corpus, ...(replay ? { replay } : {}) },
    progress(),
  );
  const report = { ...found, subjects: found.subjects.map((one, index) => withWord(one, words.get(subjects[index] as AnySubject))) };
  await writeForms(report, values, values['require-all']);
  const code = succeeded(report, values['require-all']) ? 0 : 1;
  return print(values.json ? `${JSON.stringify(report)}\n` : terminal(report), code);
}

function withWord(report: SubjectReport, word: string | undefined): SubjectReport {
  return word === undefined ? report : { ...report, word };
}

function print(text: string, code: number): number {
  process.stdout.write(text);
  return code;
}

async function writeCapabilities(file: string, subjects: readonly AnySubject[]): Promise<number> {
  const earlier = existsSync(file) ? await readFile(file, 'utf8') : '';
  await writeFile(file, await capabilityPage(subjects, earlier));
  return 0;
}

interface Selection {
  readonly selected: readonly AnySubject[];
  /** The path of those that were named by one: their names alone need not lead to them. */
  readonly words: ReadonlyMap<AnySubject, string>;
}

async function select(words: readonly string[]): Promise<Selection> {
  const { files, names } = findSubjectFiles(words, process.cwd());
  const paths = new Map<AnySubject, string>();
  const all: AnySubject[] = [];
  for (const file of files) {
    const found = await loadSubjects(fileUrl(file));
    if (found.length === 0) throw new UsageError(`${file} exports no subject`);
    const byFile =
      names.some((name) => file.endsWith(`/${name}.subject.ts`)) || names.length === 0 || words.some((word) => file.endsWith(word));
    const mine = found.filter((subject) => byFile || names.includes(subject.name));
    all.push(...mine);
    const path = words.find((word) => !names.includes(word) && resolve(word) === file);
    if (path !== undefined) for (const subject of mine) paths.set(subject, path);
  }
  const unknown = names.filter(
    (name) => !files.some((file) => file.endsWith(`/${name}.subject.ts`)) && !all.some((subject) => subject.name === name),
  );
  if (unknown.length > 0 || all.length === 0) throw new UsageError(`no subject ${unknown.join(', ') || 'found'}`);
  return { selected: all, words: paths };
}

function chosen(laws: readonly AnyLaw[], ids: string | undefined, groups: string | undefined): readonly AnyLaw[] {
  const wantedIds = ids?.split(',');
  const wantedGroups = groups?.split(',');
  const unknown = [
    ...(wantedIds ?? []).filter((id) => !laws.some((law) => law.id === id)),
    ...(wantedGroups ?? []).filter((group) => !laws.some((law) => law.group === group)),
  ];
  if (unknown.length > 0) throw new UsageError(`no law or group ${unknown.join(', ')}`);
  return laws.filter((law) => (wantedIds?.includes(law.id) ?? true) && (wantedGroups?.includes(law.group) ?? true));
}

function seedOf(text: string): number {
  const seed = Number(text);
  if (!Number.isSafeInteger(seed) || seed < 0) throw new UsageError(`no seed ${text}`);
  return seed;
}

function tokenOf(text: string, law: string | undefined): ReturnType<typeof parseToken> {
  if (law === undefined || law.includes(',')) throw new UsageError('--replay needs --law with the one law it is of');
  try {
    return parseToken(text);
  } catch (error) {
    throw new UsageError((error as Error).message, { cause: error });
  }
}

function listing(subjects: readonly AnySubject[], laws: readonly AnyLaw[], json: boolean): string {
  const facts = {
    subjects: subjects.map(({ name, kind }) => ({ name, kind })),
    laws: laws.map(({ id, title, why, kind, group, needs, tools }) => ({ id, title, why, kind, group, needs: needs?.name, tools })),
  };
  if (json) return `${JSON.stringify(facts)}\n`;
  const lines = [
    ...facts.subjects.map((subject) => `${subject.name}  ${subject.kind}`),
    '',
    ...facts.laws.map(
      (law) =>
        `${law.id}  ${law.group}  ${law.title}${law.needs ? `  [${law.needs}]` : ''}${law.tools ? `  (${law.tools.join(', ')})` : ''}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function terminal(report: Report): string {
  return `${[...report.subjects.flatMap((subject) => [...linesOfSubject(subject, report), '']), totals(report)].join('\n')}\n`;
}

/** What is being tried, on standard error while someone watches. */
function progress(): RunEvents {
  if (!process.stderr.isTTY) return {};
  return {
    begin: (subject, law, done, of) =>
      process.stderr.write(
        `\r\x1b[K${subject.name} ${done + 1}/${of} ${law.id} ${law.title}`.slice(0, (process.stderr.columns ?? 100) - 1),
      ),
    end: () => process.stderr.write('\r\x1b[K'),
  };
}
