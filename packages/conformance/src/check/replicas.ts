import { decodeOp, type OpRecord, type RepTreeOp } from '@spacestore/core';
import { RepTree, type VertexOperation } from 'reptree';
import { idOf, sameBytes } from '../model/op-store.ts';
import { byId, documentText, interpret, type TreeDocument } from '../model/tree.ts';
import { words } from './words.ts';

/** What keeps replicas of one tree from being equal to the union of all that was written, one line each; none if they are.
 *  Judged by the records first, then by the documents of the interpreter, then by those of real RepTree replicas. */
export function divergence(replicas: readonly (readonly OpRecord[])[], union: readonly OpRecord[]): readonly string[] {
  const problems = replicas.flatMap((records, i) => differences(records, union).map((problem) => `replica ${i}: ${problem}`));
  if (problems.length > 0) return problems;
  const documents = replicas.map((records) => interpret(opsOf(records)));
  const expected = documentText(interpret(opsOf(union)));
  documents.forEach((document, i) => {
    if (documentText(document) !== expected) problems.push(`replica ${i}: its document differs from that of the union`);
  });
  replicas.forEach((records, i) => {
    const real = documentText(repTreeDocument(records));
    if (real !== expected)
      problems.push(`replica ${i}: its RepTree document differs from the interpreter's\n${firstDifference(real, expected)}`);
  });
  return problems;
}

function differences(records: readonly OpRecord[], union: readonly OpRecord[]): readonly string[] {
  const mine = new Map(records.map((record) => [idOf(record), record]));
  const lacking = union.filter((record) => !mine.has(idOf(record)));
  const known = new Set(union.map(idOf));
  const strange = records.filter((record) => !known.has(idOf(record)));
  const other = union.filter((record) => !sameBytes(mine.get(idOf(record))?.body ?? record.body, record.body));
  return [
    ...(lacking.length > 0 ? [`lacks ${words(lacking)}`] : []),
    ...(strange.length > 0 ? [`has ${words(strange)}, which nobody wrote`] : []),
    ...(other.length > 0 ? [`has other bytes for ${words(other)}`] : []),
    ...(records.length > mine.size ? [`has ${records.length - mine.size} records twice`] : []),
  ];
}

/** Fresh operations in the order of their ids: RepTree's result depends on neither then. */
const opsOf = (records: readonly OpRecord[]): readonly RepTreeOp[] => records.map((record) => decodeOp(record)).sort(byId);

/** The document a RepTree makes of records. */
export function repTreeDocument(records: readonly OpRecord[]): TreeDocument {
  const tree = new RepTree('0'.repeat(32), opsOf(records) as VertexOperation[]);
  try {
    return new Map(
      tree.getAllVertices().map((vertex) => [
        vertex.id,
        {
          parent: vertex.parentId,
          properties: new Map(tree.getVertexProperties(vertex.id).map((property): [string, unknown] => [property.key, property.value])),
        },
      ]),
    );
  } finally {
    (tree as unknown as { readonly state: { readonly dispose: () => void } }).state.dispose(); // its timer outlives it otherwise
  }
}

function firstDifference(actual: string, expected: string): string {
  const [got, want] = [actual.split('\n'), expected.split('\n')];
  const at = want.findIndex((line, i) => line !== got[i]);
  return `expected ${want[at] ?? '(nothing more)'}\ngot      ${got[at] ?? '(nothing)'}`;
}
