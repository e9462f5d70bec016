import {
  type CodecName,
  type OpRecord,
  parseCounter,
  parsePeerId,
  parseTreeId,
  type StoredRecord,
  StoreError,
  toStoreError,
} from '@spacestore/core';
import { operationOfRecord, recordOfOperation } from '../service/record-codec.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';

/** A record in JSON. `op` is the operation of a `reptree-1` workspace as the codec spells it: `["m",target,parent|null]`, `["p",target,key,value]`
 *  or `["p",target,key]` for a deletion. `body` is the base64 of any workspace's bytes. A record that comes in has one of them; one that goes out
 *  has `op` where the workspace's codec is `reptree-1`, `body` otherwise. */
export interface RecordJson {
  readonly tree: string;
  readonly peer: string;
  readonly counter: number;
  readonly op?: readonly unknown[];
  readonly body?: string;
}

export interface StoredRecordJson extends RecordJson {
  readonly position: number;
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
  readonly via?: string;
}

/** Throws: invalid, with the record's place in the call. */
export function recordFromJson(codec: CodecName, json: unknown, index: number): OpRecord {
  try {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new StoreError('invalid', 'a record is an object');
    const { tree, peer, counter, op, body, ...rest } = json as Record<string, unknown>;
    if (Object.keys(rest).length > 0) throw new StoreError('invalid', 'a record has tree, peer, counter, and op or body');
    const id = { tree: parseTreeId(tree), peer: parsePeerId(peer), counter: parseCounter(counter) };
    if ((op === undefined) === (body === undefined)) throw new StoreError('invalid', 'a record has either op or body');
    if (op === undefined) {
      if (typeof body !== 'string') throw new StoreError('invalid', 'body is base64 text');
      return { ...id, body: decodeBase64(body) };
    }
    if (codec !== 'reptree-1') throw new StoreError('invalid', 'this workspace takes bodies, not operations');
    return recordOfOperation(id, op);
  } catch (cause) {
    const { code, message, context } = toStoreError(cause);
    throw new StoreError(code, message, { context: { ...context, index }, cause });
  }
}

export function recordToJson(codec: CodecName, record: StoredRecord): StoredRecordJson {
  const { tree, peer, counter, body, position, receivedAt, via } = record;
  const content = codec === 'reptree-1' ? { op: operationOfRecord(record) } : { body: encodeBase64(body) };
  return { tree, peer, counter, ...content, position, receivedAt, ...(via !== undefined && { via }) };
}
