import { type CodecName, codecs, type OpRecord, StoreError, toStoreError } from '@spacestore/core';
import type { Limits } from '../limits.ts';
import type { LogSize } from './log-size.ts';

/** Ids for a client to put aside; the rest of its batch may go again. */
function idsOf(records: readonly OpRecord[]): readonly object[] {
  return records.map(({ tree, peer, counter }) => ({ tree, peer, counter }));
}

/** The sum of the bodies. Throws: too_large (context.ids where single records are too large), unless the call keeps to the limits. */
export function checkSizes(records: readonly OpRecord[], limits: Limits): number {
  if (records.length > limits.callRecords)
    throw new StoreError('too_large', 'too many records in one call: split it', {
      context: { records: records.length, maxRecords: limits.callRecords },
    });
  let bytes = 0;
  let largest = 0;
  for (const { body } of records) {
    bytes += body.length;
    if (body.length > largest) largest = body.length;
  }
  if (largest > limits.bodyBytes) {
    const large = records.filter(({ body }) => body.length > limits.bodyBytes);
    throw new StoreError('too_large', 'a record body is too large', { context: { ids: idsOf(large), maxBytes: limits.bodyBytes } });
  }
  if (bytes > limits.callBytes)
    throw new StoreError('too_large', 'too many bytes in one call: split it', { context: { bytes, maxBytes: limits.callBytes } });
  return bytes;
}

/** Throws: invalid (context.ids: every record whose body its codec refuses, context.reason: why the first is). */
export function checkBodies(codec: CodecName, records: readonly OpRecord[]): void {
  const { validateBody } = codecs[codec];
  let bad: OpRecord[] | undefined;
  let reason: string | undefined;
  for (const record of records)
    try {
      validateBody(record.body);
    } catch (error) {
      const refusal = toStoreError(error);
      if (refusal.code === 'internal') throw error;
      reason ??= refusal.message;
      bad ??= [];
      bad.push(record);
    }
  if (bad !== undefined)
    throw new StoreError('invalid', 'a record body is not a valid operation', { context: { ids: idsOf(bad), codec, reason } });
}

/** Whether a counter would carry everybody's clock too far ahead. */
export function isBeyondJump(records: readonly OpRecord[], size: LogSize, limits: Limits): boolean {
  const highest = highestAllowed(size, limits);
  for (const { counter } of records) if (counter > highest) return true;
  return false;
}

/** The largest jump there can be stands for every counter, also from an empty log (-1). */
function highestAllowed(size: LogSize, limits: Limits): number {
  return limits.counterJump === Number.MAX_SAFE_INTEGER ? limits.counterJump : size.maxCounter + limits.counterJump;
}

/** The records whose counter would carry everybody's clock too far ahead. */
export function beyondJump(records: readonly OpRecord[], size: LogSize, limits: Limits): readonly OpRecord[] {
  const highest = highestAllowed(size, limits);
  return records.filter(({ counter }) => counter > highest);
}

export function counterRefusal(bad: readonly OpRecord[], size: LogSize, limits: Limits): StoreError {
  return new StoreError('invalid', 'a counter lies too far beyond the highest one stored', {
    context: { ids: idsOf(bad), maxCounter: size.maxCounter, counterJump: limits.counterJump },
  });
}

/** True if the log would grow beyond its quota. */
export function beyondQuota(records: readonly OpRecord[], bytes: number, size: LogSize, limits: Limits): boolean {
  return size.records + records.length > limits.workspaceRecords || size.bytes + bytes > limits.workspaceLogBytes;
}

export function quotaRefusal(size: LogSize, limits: Limits): StoreError {
  return new StoreError('quota', 'the workspace has reached the size its log may have', {
    context: { records: size.records, bytes: size.bytes, maxRecords: limits.workspaceRecords, maxBytes: limits.workspaceLogBytes },
  });
}
