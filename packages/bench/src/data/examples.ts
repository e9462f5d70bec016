import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { encodeOp, parseTreeId, type RepTreeOp } from '@spacestore/core';
import type { ProposalRow, WorkItem } from './workload.ts';

/** The real histories of examples/data, in the order of the file. */
export async function loadExample(name: 'fastify-history' | 'sila-chats'): Promise<WorkItem[]> {
  const file = new URL(`../../../../examples/data/${name}.jsonl.gz`, import.meta.url);
  const lines = gunzipSync(await readFile(file))
    .toString('utf8')
    .trimEnd()
    .split('\n');
  return lines.map((line) => {
    const { treeId, ...op } = JSON.parse(line) as RepTreeOp & { readonly treeId: string };
    return { record: encodeOp(parseTreeId(treeId), op), row: rowOf(treeId, op) };
  });
}

function rowOf(tree: string, op: RepTreeOp): ProposalRow {
  const { counter, peerId } = op.id;
  return 'parentId' in op
    ? [counter, peerId, tree, op.targetId, op.parentId, null, null]
    : [counter, peerId, tree, op.targetId, null, op.key, op.value === undefined ? null : JSON.stringify(op.value)];
}
