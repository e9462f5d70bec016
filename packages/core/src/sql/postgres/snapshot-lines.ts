import { StoreError } from '../../errors.ts';

/** What a snapshot of a workspace holds, a JSON line each, in this order: the head, pairs, records by position, secrets, files. */
export type SnapshotLine =
  | readonly ['head', HeadLine]
  | readonly ['pair', id: number, tree: string, peer: string]
  | readonly ['record', position: number, pair: number, counter: number, receivedAt: number, via: string | null, bodyHex: string]
  | readonly ['secret', name: string, valueHex: string | null, version: number, writeId: string]
  | readonly ['file', key: string, mimeType: string | null, name: string | null, size: number, createdAt: number, state: string];

export interface HeadLine {
  readonly format: 'spacestore-postgres-1';
  readonly workspace: string;
  readonly incarnation: string;
  readonly lineage: readonly { readonly incarnation: string; readonly forkedAt: string }[];
  readonly position: number;
  readonly epoch: number;
  readonly chainHex: string;
}

const encoder = new TextEncoder();

export function encodeLines(lines: readonly SnapshotLine[]): Uint8Array {
  return encoder.encode(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** The lines of a snapshot, some at a time. Throws: corrupt. */
export async function* decodeLines(chunks: AsyncIterable<Uint8Array>, maxLineChars: number): AsyncGenerator<readonly SnapshotLine[]> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let held = '';
  for await (const chunk of chunks) {
    const [first = '', ...rest] = decoder.decode(chunk, { stream: true }).split('\n');
    held += first;
    if (held.length > maxLineChars) throw new StoreError('too_large', 'a line of the snapshot is too long');
    if (rest.length === 0) continue;
    const whole = [held, ...rest.slice(0, -1)];
    held = rest.at(-1) as string;
    yield whole.map(parseLine);
  }
  if (held !== '') throw new StoreError('corrupt', 'the snapshot ends within a line');
}

function parseLine(text: string): SnapshotLine {
  try {
    return JSON.parse(text) as SnapshotLine;
  } catch (cause) {
    throw new StoreError('corrupt', 'a line of the snapshot is not one', { cause });
  }
}
