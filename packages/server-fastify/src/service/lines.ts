/** A line of a text stream, or the fact that it was longer than allowed. `number` counts from 1. */
export type Line = { readonly number: number; readonly text: string } | { readonly number: number; readonly tooLong: true };

/** Lines of a UTF-8 stream, without their line breaks; empty ones are left out. Holds at most one line, never more than `maxBytes` of it.
 *  (node:readline has no bound: one line without end would take all memory.) */
export async function* linesOf(bytes: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Line> {
  let parts: Uint8Array[] = [];
  let length = 0;
  let number = 0;
  const take = (): Line | undefined => {
    const line = Buffer.concat(parts);
    const tooLong = length > maxBytes;
    number++;
    parts = [];
    length = 0;
    if (tooLong) return { number, tooLong };
    const text = line.toString('utf8').trim();
    return text === '' ? undefined : { number, text };
  };
  for await (const chunk of bytes) {
    let from = 0;
    for (let end = chunk.indexOf(10); ; end = chunk.indexOf(10, from)) {
      const part = chunk.subarray(from, end === -1 ? chunk.length : end);
      length += part.length;
      if (length <= maxBytes) parts.push(part);
      else parts = [];
      if (end === -1) break;
      const line = take();
      if (line) yield line;
      from = end + 1;
    }
  }
  const last = length > 0 ? take() : undefined;
  if (last) yield last;
}
