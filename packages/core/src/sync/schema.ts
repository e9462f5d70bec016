import { StoreError } from '../errors.ts';

/** Turns a value of unknown origin into one of a known type. Throws: invalid, naming the field. */
export type Check<Value> = (value: unknown, field: string) => Value;

export type Checked<Of> = Of extends Check<infer Value> ? Value : never;

export function refuseField(field: string, wanted: string): StoreError {
  return new StoreError('invalid', `malformed message: ${field} must be ${wanted}`);
}

/** An object with these fields, and no others kept: a newer peer may say more than is understood. */
export function fields<Shape extends Readonly<Record<string, Check<unknown>>>>(
  shape: Shape,
): Check<{ readonly [Key in keyof Shape]: Checked<Shape[Key]> }> {
  const names = Object.keys(shape);
  return (value, field) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuseField(field, 'an object');
    const checked: Record<string, unknown> = {};
    for (const name of names)
      checked[name] = (shape[name] as Check<unknown>)(
        Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined,
        name,
      );
    return checked as { readonly [Key in keyof Shape]: Checked<Shape[Key]> };
  };
}

export function list<Item>(item: Check<Item>, max: number): Check<readonly Item[]> {
  return (value, field) => {
    if (!Array.isArray(value) || value.length > max) throw refuseField(field, `a list of at most ${max}`);
    return value.map((each) => item(each, field));
  };
}

export function nullable<Value>(check: Check<Value>): Check<Value | null> {
  return (value, field) => (value === null ? null : check(value, field));
}

/** Absent reads as the fallback. */
export function optional<Value>(check: Check<Value>, fallback: Value): Check<Value> {
  return (value, field) => (value === undefined ? fallback : check(value, field));
}

export function text(maxLength: number): Check<string> {
  return (value, field) => {
    if (typeof value !== 'string' || value.length > maxLength) throw refuseField(field, `a string of at most ${maxLength} characters`);
    return value;
  };
}

export const natural: Check<number> = (value, field) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw refuseField(field, 'an integer from 0 to 2^53 - 1');
  return value as number;
};

export const yesNo: Check<boolean> = (value, field) => {
  if (typeof value !== 'boolean') throw refuseField(field, 'true or false');
  return value;
};

export function oneOf<const Word extends string>(words: readonly Word[]): Check<Word> {
  const known = new Set<unknown>(words);
  return (value, field) => {
    if (!known.has(value)) throw refuseField(field, `one of ${words.join(', ')}`);
    return value as Word;
  };
}

/** Any JSON value that is there. */
export const json: Check<unknown> = (value, field) => {
  if (value === undefined) throw refuseField(field, 'a value');
  return value;
};

export const jsonObject: Check<Readonly<Record<string, unknown>>> = (value, field) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw refuseField(field, 'an object');
  return value as Readonly<Record<string, unknown>>;
};
