import { type CallOptions, type OpRecord, StoreError, toStoreError } from '@spacestore/core';
import type { Limits } from '../../limits.ts';
import type { Grant } from '../../service/grant.ts';
import type { Line } from '../../service/lines.ts';
import type { Operations } from '../../service/operations.ts';
import { recordFromJson } from '../record-json.ts';

export interface StreamAppended {
  readonly lines: number;
  readonly added: number;
  readonly committedAt: number;
  readonly through?: string;
}

/** Appends a record a line, in calls as large as the limits allow.
 *  Throws: whatever refuses a call; `context.storedLines` tells up to which line everything is on disk. Sending all again is harmless. */
export async function appendStream(
  operations: Operations,
  grant: Grant,
  lines: AsyncIterable<Line>,
  limits: Limits,
  call: CallOptions,
): Promise<StreamAppended> {
  let current = grant;
  let batch: OpRecord[] = [];
  let bytes = 0;
  let result: StreamAppended = { lines: 0, added: 0, committedAt: 0 };
  let lastLine = 0;
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    const appended = await operations.append(current, batch, {}, call);
    current = appended.grant;
    const { added, committedAt, through } = appended;
    result = { lines: lastLine, added: result.added + added, committedAt, ...(through !== undefined && { through }) };
    batch = [];
    bytes = 0;
  };
  try {
    for await (const line of lines) {
      if ('tooLong' in line)
        throw new StoreError('too_large', 'a line is too long', { context: { line: line.number, maxBytes: limits.lineBytes } });
      const record = parseLine(current, line);
      if (batch.length >= limits.callRecords || bytes + record.body.length > limits.callBytes) await flush();
      batch.push(record);
      bytes += record.body.length;
      lastLine = line.number;
    }
    await flush();
    return result;
  } catch (cause) {
    const { code, message, context } = toStoreError(cause);
    throw new StoreError(code, message, { context: { ...context, storedLines: result.lines }, cause });
  }
}

function parseLine(grant: Grant, line: { readonly number: number; readonly text: string }): OpRecord {
  let json: unknown;
  try {
    json = JSON.parse(line.text);
  } catch (cause) {
    throw new StoreError('invalid', 'a line is not JSON', { context: { line: line.number }, cause });
  }
  return recordFromJson(grant.entry.codec, json, line.number - 1);
}
