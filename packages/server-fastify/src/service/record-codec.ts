import { decodeOp, encodeOp, type OpRecord, type PeerId, type RepTreeOp, StoreError, type TreeId } from '@spacestore/core';

/** An operation as the `reptree-1` codec spells it: `["m",target,parent|null]`, `["p",target,key,value]`, or `["p",target,key]` for a deletion. */
export type OperationJson = readonly unknown[];

/** Throws: invalid, naming the place. */
export function recordOfOperation(id: { readonly tree: TreeId; readonly peer: PeerId; readonly counter: number }, op: unknown): OpRecord {
  if (!Array.isArray(op)) throw new StoreError('invalid', 'op is ["m",target,parent] or ["p",target,key,value]');
  const [kind, targetId, third, value] = op as unknown as readonly [unknown, string, string, unknown];
  const place = { id: { counter: id.counter, peerId: id.peer }, targetId };
  if (kind === 'm' && op.length === 3) return encodeOp(id.tree, { ...place, parentId: third } as RepTreeOp);
  if (kind === 'p' && op.length === 3) return encodeOp(id.tree, { ...place, key: third, value: undefined, transient: false });
  if (kind === 'p' && op.length === 4 && value !== undefined) return encodeOp(id.tree, { ...place, key: third, value, transient: false });
  throw new StoreError('invalid', 'op is ["m",target,parent] or ["p",target,key,value]');
}

/** Throws: corrupt, since what is stored was validated before. */
export function operationOfRecord(record: OpRecord): OperationJson {
  const op = storedOp(record);
  if ('parentId' in op) return ['m', op.targetId, op.parentId];
  return op.value === undefined ? ['p', op.targetId, op.key] : ['p', op.targetId, op.key, op.value];
}

/** Throws: corrupt. */
export function storedOp(record: OpRecord): RepTreeOp {
  try {
    return decodeOp(record);
  } catch (cause) {
    const { tree, peer, counter } = record;
    throw new StoreError('corrupt', 'a stored record is no operation of this codec', {
      context: { ids: [{ tree, peer, counter }] },
      cause,
    });
  }
}
