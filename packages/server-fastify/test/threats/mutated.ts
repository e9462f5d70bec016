import fc from 'fast-check';

/** One throw: which of the good inputs it begins from, and what it makes of its bytes. */
export interface Throw {
  readonly pick: <Input>(inputs: readonly Input[]) => Input;
  readonly change: (bytes: Uint8Array) => Uint8Array;
}

const chunk = 500;
const random = fc.tuple(
  fc.noBias(fc.nat(999)),
  fc.array(fc.tuple(fc.noBias(fc.nat(999)), fc.noBias(fc.nat(255))), { maxLength: 3 }),
  fc.noBias(fc.nat(1300)),
);

/** Inputs cut, or with up to three bytes changed, or both, or neither; always the same for a seed. */
export function* mutations(seed: number, count: number): Generator<Throw, undefined> {
  for (let made = 0; made < count; made += chunk)
    for (const [which, edits, keep] of fc.sample(random, { seed: seed + made, numRuns: Math.min(chunk, count - made) }))
      yield {
        pick: (inputs) => inputs[Math.floor((which * inputs.length) / 1000)] as (typeof inputs)[number],
        change: (whole) => {
          const bytes = whole.slice(0, keep < 1000 ? Math.floor((whole.length * keep) / 1000) : whole.length);
          for (const [at, byte] of edits) if (bytes.length > 0) bytes[Math.floor((at * bytes.length) / 1000)] = byte;
          return bytes;
        },
      };
  return undefined;
}

/** The good inputs in turns, as they are. */
export function* inTurns(count: number): Generator<Throw, undefined> {
  for (let i = 0; i < count; i++)
    yield { pick: (inputs) => inputs[i % inputs.length] as (typeof inputs)[number], change: (bytes) => bytes };
  return undefined;
}
