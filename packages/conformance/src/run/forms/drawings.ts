import type { SubjectReport } from '../report.ts';
import { type Markup, markup } from './markup.ts';

/** The laws that took longest, as bars. */
export function timingPlot(subject: SubjectReport): Markup {
  const slowest = subject.laws
    .filter((law) => law.runs > 0)
    .toSorted((a, b) => b.seconds - a.seconds)
    .slice(0, 12);
  if (slowest.length === 0) return markup`<p class="quiet">No law was run.</p>`;
  const most = Math.max(...slowest.map((law) => law.seconds), 0.001);
  const [row, label, bars, width] = [20, 80, 420, 640];
  const height = slowest.length * row;
  return markup`<figure><figcaption>Time by law${slowest.length < subject.laws.length ? ', the slowest' : ''} (s)</figcaption>
<svg viewBox="0 0 ${width} ${height}" width="${width}" role="img" aria-label="${slowest.map((law) => `${law.law} ${law.seconds.toFixed(2)} s`).join(', ')}">
${slowest.map((law, index) => {
  const y = index * row;
  const length = Math.max(1, (law.seconds / most) * bars);
  return markup`<g><title>${law.law} ${law.title}</title>
<text x="${label - 8}" y="${y + 14}" text-anchor="end">${law.law}</text><rect class="bar" x="${label}" y="${y + 4}" width="${length.toFixed(1)}" height="12" rx="2"/>
<text x="${(label + length + 8).toFixed(1)}" y="${y + 14}">${law.seconds.toFixed(2)} s, ${law.runs} ${law.runs === 1 ? 'case' : 'cases'}</text></g>`;
})}
</svg></figure>`;
}

const mostCells = 100;

/** The kills of a crash law as a strip: a full cell landed where it was aimed, an empty one beside it. Many kills share a cell, and the label has the numbers. */
export function killStrip(fact: string, met: number, of: number): Markup {
  const cells = Math.min(of, mostCells);
  const full = of === 0 ? 0 : Math.round((met / of) * cells);
  const each = 12;
  return markup`<svg class="strip" viewBox="0 0 ${Math.max(cells, 1) * each} 14" width="${Math.max(cells, 1) * each}" role="img" aria-label="${fact}: ${met} of ${of}">
${Array.from({ length: cells }, (_none, index) => markup`<rect class="${index < full ? 'bar' : 'empty'}" x="${index * each + 1}" y="1" width="10" height="12" rx="2"/>`)}</svg>`;
}
