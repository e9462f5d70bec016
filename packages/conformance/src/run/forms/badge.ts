import { levelsOfRun, levelText } from '../level.ts';
import { type Report, succeeded } from '../report.ts';
import { markup } from './markup.ts';

/** The endpoint format of shields.io. */
export interface Badge {
  readonly schemaVersion: 1;
  readonly label: string;
  readonly message: string;
  readonly color: 'brightgreen' | 'lightgrey' | 'red';
}

/** What every subject of a run has reached; red if the run failed. */
export function badgeOf(report: Report): Badge {
  const message = levelText(levelsOfRun(report));
  const failed = !succeeded(report, false);
  const badge = { schemaVersion: 1, label: 'spacestore' } as const;
  if (failed) return { ...badge, message: 'laws broken or nothing tried', color: 'red' };
  return message === '' ? { ...badge, message: 'no level shown', color: 'lightgrey' } : { ...badge, message, color: 'brightgreen' };
}

const fills: Readonly<Record<Badge['color'], string>> = { brightgreen: '#2e7d32', lightgrey: '#616161', red: '#c62828' };

/** The badge as a picture that fetches nothing, and has no ids: several may stand in one page. */
export function badgeSvg({ label, message, color }: Badge): string {
  const [left, right] = [widthOf(label), widthOf(message)];
  const text = (words: string, from: number, width: number): ReturnType<typeof markup> =>
    markup`<text x="${from + width / 2}" y="14" textLength="${width - 12}">${words}</text>`;
  return markup`<svg xmlns="http://www.w3.org/2000/svg" width="${left + right}" height="20" role="img" aria-label="${label}: ${message}">
<title>${label}: ${message}</title>
<rect width="${left + right}" height="20" rx="3" fill="${fills[color]}"/><path d="M3 0H${left}V20H3a3 3 0 0 1-3-3V3a3 3 0 0 1 3-3z" fill="#424242"/>
<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11" text-anchor="middle">${text(label, 0, left)}${text(message, left, right)}</g>
</svg>
`.markup;
}

/** Units: px of the text at 11 px, with its margins. `textLength` makes the guess true. */
const widthOf = (text: string): number => Math.round(text.length * 6.4) + 12;
