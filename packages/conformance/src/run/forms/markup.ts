/** Text that is markup already; anything else is escaped when it is put into some. */
export interface Markup {
  readonly markup: string;
}
type Part = string | number | Markup | undefined | readonly Part[];

/** Control characters (but tab and line feed), what is invisible or turns the direction of text, half surrogate pairs, and what XML forbids. */
const invisible = /(?![\t\n])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffe\uffff]/gu;

/** The text with everything a reader could not see written out, `\u{1b}`: nothing a store says can move a cursor or turn a line around. */
export const visible = (text: string): string => text.replace(invisible, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for HTML and XML, as content or as a quoted attribute. */
const escaped = (text: string): string => visible(text).replace(/[&<>"']/g, (char) => entities[char] as string);

/** A template whose values are escaped unless they are markup; lists are joined, undefined is nothing. */
export function markup(text: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  return { markup: text.reduce((before, piece, index) => before + textOf(parts[index - 1]) + piece) };
}

function textOf(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'object') return isMarkup(part) ? part.markup : part.map(textOf).join('');
  return escaped(String(part));
}

const isMarkup = (part: Markup | readonly Part[]): part is Markup => 'markup' in part;
