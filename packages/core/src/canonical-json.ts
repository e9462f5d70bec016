import { StoreError } from './errors.ts';

/** Arrays and objects nested deeper than this are refused. */
export const maxJsonDepth = 64;

/** The one text of a JSON value: object keys sorted by code unit at any depth, numbers as ECMAScript prints them, −0 as 0, no blanks.
 *  A lone surrogate is written as its escape, so that every string comes back exactly.
 *  Throws: invalid, naming the place, for anything JSON can't hold exactly: undefined, NaN, infinities, bigints, functions, symbols, holes, dates and other objects that are not plain, nesting beyond 64.
 *  Source: RFC 8785, which leaves lone surrogates to the implementation. */
export function canonicalJson(value: unknown): string {
  return print(value, '', 0);
}

function print(value: unknown, place: string, depth: number): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'number':
      if (!Number.isFinite(value)) throw refusal(place, `${value} has no JSON form`);
      return Object.is(value, -0) ? '0' : String(value);
    case 'object':
      break;
    default:
      throw refusal(place, `${typeof value} has no JSON form`);
  }
  if (value === null) return 'null';
  if (depth >= maxJsonDepth) throw refusal(place, `nested deeper than ${maxJsonDepth}`);
  return Array.isArray(value) ? printArray(value, place, depth) : printObject(value, place, depth);
}

function printArray(items: readonly unknown[], place: string, depth: number): string {
  if (Object.keys(items).length !== items.length) throw refusal(place, 'an array with holes or named fields has no JSON form');
  let text = '[';
  for (let n = 0; n < items.length; n++) text += (n === 0 ? '' : ',') + print(items[n], `${place}[${n}]`, depth + 1);
  return `${text}]`;
}

function printObject(fields: object, place: string, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(fields);
  if (prototype !== null && prototype !== Object.prototype) throw refusal(place, 'only plain objects have a JSON form');
  if (Object.getOwnPropertySymbols(fields).length > 0) throw refusal(place, 'a symbol key has no JSON form');
  let text = '{';
  for (const key of Object.keys(fields).sort()) {
    const name = JSON.stringify(key);
    text += `${text.length === 1 ? '' : ','}${name}:${print((fields as Record<string, unknown>)[key], `${place}[${name}]`, depth + 1)}`;
  }
  return `${text}}`;
}

function refusal(place: string, why: string): StoreError {
  return new StoreError('invalid', `${why}, at ${place === '' ? 'the top' : place.slice(0, 200)}`, {
    context: { place: place.slice(0, 200) },
  });
}
