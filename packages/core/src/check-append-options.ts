import type { AppendOptions, OpStoreCapabilities } from './contracts/op-store.ts';
import { StoreError } from './errors.ts';
import { parseUserId } from './ids.ts';

/** A copy of an append's options. Throws: invalid; unsupported for one the store does not claim, since ignoring it would lose it. */
export function checkAppendOptions(
  options: AppendOptions | undefined,
  capabilities: Pick<OpStoreCapabilities, 'fence' | 'via' | 'receivedAt'>,
): AppendOptions {
  const { ifEpoch, via, receivedAt } = options ?? {};
  if (ifEpoch !== undefined && !capabilities.fence) throw unsupported('ifEpoch');
  if (via !== undefined && !capabilities.via) throw unsupported('via');
  if (receivedAt !== undefined && !capabilities.receivedAt) throw unsupported('receivedAt');
  return {
    ...(ifEpoch === undefined ? {} : { ifEpoch: parseEpoch(ifEpoch) }),
    ...(via === undefined ? {} : { via: parseUserId(via) }),
    ...(receivedAt === undefined ? {} : { receivedAt: parseReceivedAt(receivedAt) }),
  };
}

/** Throws: invalid. An epoch is an integer from 0 to 2^53 − 1. */
export function parseEpoch(value: unknown): number {
  return parseNatural('an epoch', value);
}

function parseReceivedAt(value: unknown): number {
  return parseNatural('receivedAt', value);
}

function parseNatural(what: string, value: unknown): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return (value as number) + 0;
  throw new StoreError('invalid', `${what} must be an integer from 0 to 2^53 - 1`, { context: { given: String(value).slice(0, 64) } });
}

function unsupported(option: string): StoreError {
  return new StoreError('unsupported', `this store has no ${option}`, { context: { option } });
}
