import type { OpRecord } from '@spacestore/core';

const mark: unique symbol = Symbol('handed in by a socket');

/** What accompanies a socket's append through the service, so that the fan-out recognises it: who handed it in, and the bytes to forward. */
export interface Handed {
  readonly [mark]: true;
  readonly connection: string;
  readonly records: readonly OpRecord[];
  readonly block: Uint8Array;
}

export function handedIn(connection: string, records: readonly OpRecord[], block: Uint8Array): Handed {
  return { [mark]: true, connection, records, block };
}

export function isHanded(origin: unknown): origin is Handed {
  return typeof origin === 'object' && origin !== null && mark in origin;
}
