import type { Result } from './result.ts';

function figure(value: number | null): string {
  if (value === null) return '–';
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { maximumFractionDigits: digits, minimumFractionDigits: value === 0 ? 0 : digits });
}

function verdict(result: Result): string {
  if (result.bar === null) return '';
  if (!result.ok) return 'MISSED';
  const aimed = result.aim === null || (result.better === 'higher' ? result.ratio >= result.aim : result.ratio <= result.aim);
  return aimed ? 'aim met' : 'bar met';
}

const header = ['measure', 'unit', 'value', 'baseline', 'ratio', 'bar', 'aim', ''];

function cells(result: Result): string[] {
  const sign = result.better === 'higher' ? '≥ ' : '≤ ';
  return [
    `${result.suite}: ${result.name}`,
    result.unit,
    figure(result.value),
    figure(result.baseline),
    figure(result.ratio),
    result.bar === null ? '' : sign + result.bar,
    result.aim === null ? '' : sign + result.aim,
    verdict(result),
  ];
}

/** A table for people, columns aligned. */
export function textTable(results: readonly Result[]): string {
  const rows = [header, ...results.map(cells)];
  const widths = header.map((_, column) => Math.max(...rows.map((row) => (row[column] as string).length)));
  return rows
    .map((row) =>
      row.map((cell, column) => (column < 2 ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number))).join('  '),
    )
    .join('\n');
}

export function markdownTable(results: readonly Result[]): string {
  const line = (row: readonly string[]) => `| ${row.join(' | ')} |`;
  return [line(header), line(header.map((_, i) => (i < 2 ? '---' : '---:'))), ...results.map((result) => line(cells(result)))].join('\n');
}
