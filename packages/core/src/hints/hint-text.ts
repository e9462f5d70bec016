import type { ChangeHint } from '../contracts/change-hints.ts';
import { StoreError } from '../errors.ts';
import { parseWorkspaceId } from '../ids.ts';

/** Who says it, and what. */
export interface HintMessage {
  /** Names the handle that published: it does not listen to itself. */
  readonly sender: string;
  readonly hints: readonly ChangeHint[];
}

const senderPattern = /^[0-9a-f]{16}$/;

/** The message as ASCII texts of at most `maxLength` characters each, for channels that take short texts: `<sender> a:<workspace>:<position> f:<workspace>:<epoch> r:<workspace>`. */
export function encodeHints({ sender, hints }: HintMessage, maxLength: number): readonly string[] {
  const texts: string[] = [];
  let text = sender;
  for (const word of hints.map(wordOf)) {
    if (text.length + 1 + word.length > maxLength) {
      texts.push(text);
      text = sender;
    }
    text += ` ${word}`;
  }
  return text === sender ? texts : [...texts, text];
}

function wordOf(hint: ChangeHint): string {
  switch (hint.kind) {
    case 'appended':
      return `a:${hint.workspace}:${hint.position}`;
    case 'fenced':
      return `f:${hint.workspace}:${hint.epoch}`;
    case 'replaced':
      return `r:${hint.workspace}`;
  }
}

/** Throws: invalid, for anything `encodeHints` does not make. */
export function decodeHints(text: string): HintMessage {
  const [sender = '', ...words] = text.split(' ');
  if (!senderPattern.test(sender)) throw notHints();
  return { sender, hints: words.map(hintOf) };
}

function hintOf(word: string): ChangeHint {
  const [letter, id, given, ...rest] = word.split(':');
  const workspace = parseWorkspaceId(id);
  const number = Number(given);
  const isNumber = given !== undefined && /^(0|[1-9][0-9]{0,15})$/.test(given) && Number.isSafeInteger(number);
  if (rest.length > 0) throw notHints();
  if (letter === 'a' && isNumber) return { kind: 'appended', workspace, position: number };
  if (letter === 'f' && isNumber) return { kind: 'fenced', workspace, epoch: number };
  if (letter === 'r' && given === undefined) return { kind: 'replaced', workspace };
  throw notHints();
}

function notHints(): StoreError {
  return new StoreError('invalid', 'not change hints');
}
