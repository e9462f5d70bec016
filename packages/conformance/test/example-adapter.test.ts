import { readdir, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { subjects } from '../../../examples/adapter/json-log.subject.ts';
import { describeLaws } from '../src/run/vitest.ts';

for (const subject of subjects) describeLaws(subject);

it('the code in the guide is the code of the example', async () => {
  const examples = new URL('../../../examples/adapter/', import.meta.url);
  const files = [new URL(import.meta.url), ...(await readdir(examples)).map((name) => new URL(name, examples))];
  const sources = (await Promise.all(files.map((file) => readFile(file, 'utf8')))).join('\n');
  const guide = await readFile(new URL('../../../docs/writing-an-adapter.md', import.meta.url), 'utf8');
  const snippets = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, text = '']) => text);
  expect(snippets.length).toBeGreaterThan(5);
  expect(snippets.filter((snippet) => !sources.includes(snippet))).toEqual([]);
});
