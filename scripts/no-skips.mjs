// Fails when a test was skipped, marked todo or not run: CI has every part, so nothing there may be missing in silence.
// usage: node scripts/no-skips.mjs (after vitest; reads the JSON report of vitest.config.ts; runs on any Node >= 18)
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(new URL('../.cache/vitest.json', import.meta.url), 'utf8'));
const tests = report.testResults.flatMap((file) => file.assertionResults.map((test) => ({ ...test, file: file.name })));
const notRun = tests.filter(({ status }) => status !== 'passed' && status !== 'failed');

for (const { file, fullName, status } of notRun) console.error(`${status}: ${file} > ${fullName}`);
console.error(`tests: ${tests.length} in ${report.testResults.length} files, ${notRun.length} not run`);
if (!tests.length) console.error('no test ran at all');
const count = (status) => tests.filter((test) => test.status === status).length;
console.log(`tests: ${count('passed')} passed, ${count('failed')} failed, ${notRun.length} skipped`);
process.exit(notRun.length || !tests.length ? 1 : 0);
