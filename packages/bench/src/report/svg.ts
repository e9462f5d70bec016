import type { Result } from './result.ts';

const rowHeight = 22;
const labelWidth = 420;
const chartWidth = 420;

const escapeXml = (text: string): string => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

/** Bars of the ratios on a logarithmic scale: 1 is the baseline, a tick marks the bar, a dot the aim; red is a missed bar. */
export function ratioChart(results: readonly Result[], title: string): string {
  const rows = results.filter((result) => result.baseline !== null && result.ratio > 0);
  const decades = Math.max(
    1,
    ...rows.map((row) => Math.abs(Math.log10(row.ratio))),
    ...rows.map((row) => Math.abs(Math.log10(row.aim ?? 1))),
  );
  const x = (ratio: number): number => labelWidth + chartWidth / 2 + (Math.log10(ratio) / decades) * (chartWidth / 2);
  const lines = rows.map((row, index) => {
    const y = 50 + index * rowHeight;
    const [from, to] = [Math.min(x(1), x(row.ratio)), Math.max(x(1), x(row.ratio))];
    const color = row.ok ? '#2a7f62' : '#c0392b';
    const mark = (value: number | null, shape: (at: number) => string): string => (value === null ? '' : shape(x(value)));
    return [
      `<text x="${labelWidth - 8}" y="${y + 14}" text-anchor="end">${escapeXml(row.name)}</text>`,
      `<rect x="${from.toFixed(1)}" y="${y + 3}" width="${Math.max(1, to - from).toFixed(1)}" height="14" fill="${color}"/>`,
      mark(row.bar, (at) => `<rect x="${(at - 1).toFixed(1)}" y="${y}" width="2" height="20" fill="currentColor"/>`),
      mark(row.aim, (at) => `<circle cx="${at.toFixed(1)}" cy="${y + 10}" r="3" fill="none" stroke="currentColor"/>`),
      `<text x="${labelWidth + chartWidth + 8}" y="${y + 14}">${row.ratio.toFixed(2)} × ${row.better === 'lower' ? '(lower is better)' : ''}</text>`,
    ].join('');
  });
  const height = 70 + rows.length * rowHeight;
  const style =
    'svg{color:#222;background:#fff}text{fill:currentColor;font:12px sans-serif}@media(prefers-color-scheme:dark){svg{color:#ddd;background:#181818}}';
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${labelWidth + chartWidth + 200} ${height}" role="img" aria-label="${escapeXml(title)}">`,
    `<style>${style}</style>`,
    `<text x="8" y="22" style="font-size:15px">${escapeXml(title)}</text>`,
    `<line x1="${x(1)}" x2="${x(1)}" y1="40" y2="${height - 10}" stroke="currentColor" stroke-dasharray="3 3"/>`,
    ...lines,
    '</svg>\n',
  ].join('\n');
}
