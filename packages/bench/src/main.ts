#!/usr/bin/env node
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { BenchContext } from './measure.ts';
import type { Result, Suite } from './report/result.ts';
import { ratioChart } from './report/svg.ts';
import { markdownTable, textTable } from './report/table.ts';

const usage = `usage: npm run bench [-- [storage] [sync] [blobs] [options]]

Measures each suite beside a baseline in the same run: bare library code that stores the same thing in the same kind of files.
A ratio is the median over the rounds of ours / baseline. A missed speed bar is printed; a missed data-safety bar fails the command.

  --json          JSON lines on standard output instead of a table
  --rounds N      rounds of each measure (3)
  --no-results    leave the files under bench/results as they are
  --help
`;

const suites: Readonly<Record<Suite, () => Promise<(context: BenchContext) => Promise<void>>>> = {
  storage: async () => (await import('./storage/suite.ts')).storageSuite,
  sync: async () => (await import('./sync/suite.ts')).syncSuite,
  blobs: async () => (await import('./blobs/suite.ts')).blobSuite,
};

function isSuite(name: string): name is Suite {
  return Object.hasOwn(suites, name);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '3' },
      results: { type: 'boolean', default: true },
      help: { type: 'boolean', default: false },
    },
    allowNegative: true,
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const unknown = positionals.filter((name) => !isSuite(name));
  const rounds = Number(values.rounds);
  if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
    process.stderr.write(
      `${unknown.length > 0 ? `no such suite: ${unknown.join(', ')}` : '--rounds takes a whole number from 1'}\n\n${usage}`,
    );
    return 2;
  }
  const chosen = positionals.length > 0 ? positionals.filter(isSuite) : (Object.keys(suites) as Suite[]);
  let failed = false;
  for (const suite of chosen) {
    const results: Result[] = [];
    const run = await suites[suite]();
    await run({
      rounds,
      note: (text) => process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${text}` : `${text}\n`),
      report: (result) => {
        results.push(result);
        if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
      },
    });
    if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    if (!values.json) process.stdout.write(`${textTable(results)}\n\n`);
    if (values.results) await save(suite, results);
    failed ||= results.some((result) => result.gate && !result.ok);
  }
  if (failed) process.stderr.write('a data-safety bar was missed\n');
  return failed ? 1 : 0;
}

/** The last run's figures, for the documentation: a table and a chart a suite. */
async function save(suite: Suite, results: readonly Result[]): Promise<void> {
  const dir = new URL('../../../bench/results/', import.meta.url);
  await mkdir(dir, { recursive: true });
  const machine = `${cpus().length} cores, ${cpus()[0]?.model.trim() ?? 'unknown processor'}, Node ${process.versions.node}`;
  await writeFile(new URL(`${suite}.md`, dir), `# ${suite}\n\nMedians and ratios of one run; ${machine}.\n\n${markdownTable(results)}\n`);
  await writeFile(new URL(`${suite}.svg`, dir), ratioChart(results, `${suite}: ratio to the baseline`));
}

process.exitCode = await main();
