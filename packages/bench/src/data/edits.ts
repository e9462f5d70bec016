import { type OpRecord, parsePeerId, parseTreeId } from '@spacestore/core';
import { randomHex, randomWords, seededRandom } from './random.ts';

const encoder = new TextEncoder();

/** An endless run of single property edits by one peer: values of 85 random characters. Equal seeds give equal edits; no two seeds share a peer. */
export function* edits(seed: number): Generator<OpRecord, never> {
  const random = seededRandom(seed);
  const tree = parseTreeId('0a1b2c3d4e5f60718293a4b5c6d7e8f9');
  const peer = parsePeerId(randomHex(random));
  for (let counter = 1; ; counter++) {
    const body = encoder.encode(`["p","0a1b2c3d4e5f60718293a4b5c6d7e8f9","text","${randomWords(random, 85)}"]`);
    yield { tree, peer, counter, body };
  }
}

export function takeEdits(source: Generator<OpRecord, never>, count: number): OpRecord[] {
  return Array.from({ length: count }, () => source.next().value);
}
