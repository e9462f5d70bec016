import type { SubjectKind } from '../spec/kind.ts';
import type { AnySubject } from '../subject.ts';
import { openScope } from '../world/scope.ts';
import { openRoom } from './room.ts';

/** Kinds whose stores say what they are capable of, in the order of the page, by the name of their contract. */
const contracts: Readonly<Partial<Record<SubjectKind, string>>> = {
  'op-store': 'OpStore',
  'blob-store': 'BlobStore',
  'secret-store': 'SecretStore',
  transport: 'SyncTransport',
};

type Capabilities = Readonly<Record<string, boolean | number | string>>;

/** The tables of what stores claim: one a contract, a row a subject. What stands before the first table of an earlier page stays, and so does the row
 *  of a subject that can't be opened here, for a part that is missing. */
export async function capabilityPage(subjects: readonly AnySubject[], earlier = ''): Promise<string> {
  const sections: string[] = [];
  for (const [kind, contract] of Object.entries(contracts)) {
    const rows = new Map<string, Capabilities | string>();
    for (const subject of subjects.filter((one) => one.kind === kind).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const row = subject.missing === undefined ? await capabilitiesOf(subject) : rowOf(earlier, contract, subject.name);
      if (row !== undefined) rows.set(subject.name, row);
    }
    const names = [...rows.values()].find((row) => typeof row !== 'string');
    if (names !== undefined) sections.push(table(contract, Object.keys(names), rows));
  }
  const [intro = ''] = earlier.split(/^## /m);
  return [intro.trim() || '# Capabilities', ...sections].join('\n\n').concat('\n');
}

async function capabilitiesOf(subject: AnySubject): Promise<Capabilities> {
  await subject.prepare?.();
  const scope = openScope();
  try {
    const { store } = await openRoom(subject as Parameters<typeof openRoom>[0], scope);
    return (store as unknown as { readonly capabilities: Capabilities }).capabilities;
  } finally {
    await scope.end();
  }
}

function table(contract: string, names: readonly string[], rows: ReadonlyMap<string, Capabilities | string>): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    `## ${contract}`,
    '',
    line(['', ...names.map((name) => `\`${name}\``)]),
    `|${'---|'.repeat(names.length + 1)}`,
    ...[...rows].map(([name, row]) => (typeof row === 'string' ? row : line([name, ...names.map((each) => inWords(each, row[each]))]))),
  ].join('\n');
}

/** The line of a subject in an earlier page's table of a contract. */
function rowOf(page: string, contract: string, name: string): string | undefined {
  const [, section = ''] = page.split(`\n## ${contract}\n`);
  const [mine = ''] = section.split(/^## /m);
  return mine.split('\n').find((row) => row.startsWith(`| ${name} |`));
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A claim in a cell; bytes in the largest unit that leaves a whole number of it. */
function inWords(name: string, value: Capabilities[string] | undefined): string {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value !== 'number') return String(value);
  if (!Number.isFinite(value) || value === Number.MAX_SAFE_INTEGER) return 'any';
  let [amount, unit] = [value, 0];
  while (name.endsWith('Bytes') && amount > 0 && amount % 1024 === 0 && unit < units.length - 1) [amount, unit] = [amount / 1024, unit + 1];
  return `${amount.toLocaleString('en')}${unit === 0 ? '' : ` ${units[unit]}`}`;
}
