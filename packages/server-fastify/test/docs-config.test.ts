// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to the environment look like that
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { composeServer } from '../src/compose.ts';
import { configSchema } from '../src/config/config-schema.ts';
import { parseConfig } from '../src/config/parse-config.ts';
import { defaultLimits } from '../src/limits.ts';

const page = await readFile(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');

/** The rows of the first table under a heading, without its head, as cells. */
function rowsUnder(heading: string): readonly (readonly string[])[] {
  const [, rest = ''] = page.split(`\n${heading}\n`);
  const [, table = ''] = /(?:^|\n)\|[^\n]*\n\|-[^\n]*\n((?:\|[^\n]*\n)+)/.exec(rest) ?? [];
  return table
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, ...cells]) => cells);
}

const named = (heading: string): readonly string[] => rowsUnder(heading).map(([name = '']) => name.replaceAll('`', ''));
const keysOf = (schema: unknown): readonly string[] => Object.keys((schema as { properties: object }).properties);
const { auth } = (configSchema as unknown as { properties: { auth: unknown } }).properties;

it('the page names every key of a configuration, and no other', () => {
  expect([...named('## Keys')].sort()).toEqual([...keysOf(configSchema)].sort());
  expect([...named('### `auth`')].sort()).toEqual([...keysOf(auth)].sort());
});

const units: Readonly<Record<string, number>> = { '': 1, ms: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

function amount(text: string): number {
  const [, digits = '', unit = ''] = /^([\d,]+) ?(\w*)$/.exec(text) ?? [];
  return Number(digits.replaceAll(',', '')) * (units[unit] ?? Number.NaN);
}

it('the page tells every limit with its default', () => {
  const told = Object.fromEntries(rowsUnder('### `limits`').map(([name = '', value = '']) => [name.replaceAll('`', ''), amount(value)]));
  expect(told).toEqual(defaultLimits);
});

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

const examples = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text = '']) => text);
const hex = 'ab'.repeat(32);
const env = { METRICS_TOKEN_SHA256: hex, BACKUP_TOKEN_SHA256: hex, SPACESTORE_SECRET: '0123456789abcdef0123456789abcdef' };

it.each(examples)('a server starts with the example %#', async (text) => {
  const folder = await mkdtemp(join(tmpdir(), 'spacestore-config-'));
  folders.push(folder);
  await writeFile(join(folder, 'seal.keys'), `${'0123456789abcdef'.repeat(4)}\n`);
  const here = text
    .replaceAll('/etc/spacestore/seal.keys', join(folder, 'seal.keys'))
    .replaceAll('/etc/spacestore', fileURLToPath(new URL('support/tls', import.meta.url)))
    .replaceAll('/mnt/files', join(folder, 'files'));
  const config = parseConfig(here, env);
  const server = await composeServer({ ...config, data: join(folder, 'data'), log: { level: 'silent' } });
  try {
    await server.listen({ port: 0, ...(config.host !== undefined && { host: config.host }) });
    expect((await server.app.inject('/readyz')).statusCode).toBe(200);
  } finally {
    await server.close();
  }
});
