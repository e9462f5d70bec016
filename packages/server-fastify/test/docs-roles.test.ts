import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { actions, permissions, roles } from '../src/permissions.ts';

const page = await readFile(new URL('../../../docs/security.md', import.meta.url), 'utf8');

/** The table whose head is the list of roles: each action with the roles it marks. */
function toldRoles(): Readonly<Record<string, readonly string[]>> {
  const lines = page.split('\n');
  const head = lines.findIndex((line) => line.startsWith('| action | ') && roles.every((role) => line.includes(`| ${role} `)));
  const columns = cellsOf(lines[head] ?? '').slice(1);
  const told: Record<string, readonly string[]> = {};
  for (const line of lines.slice(head + 2)) {
    if (!line.startsWith('|')) break;
    const [action = '', ...marks] = cellsOf(line);
    told[/^`([^`]+)`/.exec(action)?.[1] ?? action] = columns.filter((_, i) => marks[i] === '●');
  }
  return told;
}

function cellsOf(line: string): readonly string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());
}

it('the role table of the security page is the one that is enforced', () => {
  const told = toldRoles();
  expect(Object.keys(told)).toEqual([...actions]);
  expect(told).toEqual(permissions);
});
