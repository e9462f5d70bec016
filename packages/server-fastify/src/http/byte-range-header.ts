import type { ByteRange } from '@spacestore/core';

const form = /^bytes=(?:(\d{1,15})-(\d{0,15})|-(\d{1,15}))$/;

/** The one range a Range header asks for. Undefined for anything else: several ranges, other units and nonsense are answered with the whole
 *  file, as RFC 9110 (14.2) allows. */
export function parseRangeHeader(header: string | undefined): ByteRange | undefined {
  const match = form.exec(header ?? '');
  if (!match) return undefined;
  const [, first, last, suffix] = match;
  if (suffix !== undefined) return { suffix: Number(suffix) };
  if (last === '' || last === undefined) return { first: Number(first) };
  return Number(first) <= Number(last) ? { first: Number(first), last: Number(last) } : undefined;
}
