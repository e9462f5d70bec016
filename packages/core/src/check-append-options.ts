import type { AppendOptions, DropOptions, Head, OpStoreCapabilities } from './contracts/op-store.ts';
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
  const checked: { -readonly [Name in keyof AppendOptions]: AppendOptions[Name] } = {};
  if (ifEpoch !== undefined) checked.ifEpoch = parseEpoch(ifEpoch);
  if (via !== undefined) checked.via = parseUserId(via);
  if (receivedAt !== undefined) checked.receivedAt = parseReceivedAt(receivedAt);
  return checked;
}

/** The epoch up to which a log may be dropped, if that matters. Throws: invalid, unsupported. */
export function checkDropOptions(options: DropOptions | undefined, capabilities: Pick<OpStoreCapabilities, 'fence'>): number | undefined {
  const { ifEpoch } = options ?? {};
  if (ifEpoch === undefined) return undefined;
  if (!capabilities.fence) throw unsupported('ifEpoch');
  return parseEpoch(ifEpoch);
}

/** Throws: denied, if the log was fenced higher than its caller knows. */
export function refuseFenced(head: Pick<Head, 'epoch'>, ifEpoch: number | undefined): void {
  if (ifEpoch !== undefined && ifEpoch < head.epoch)
    throw new StoreError('denied', 'the log was fenced: membership has changed', { context: { ifEpoch, epoch: head.epoch } });
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
