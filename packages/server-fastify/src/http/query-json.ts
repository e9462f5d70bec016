import {
  encodeStateVector,
  parseCursor,
  parseStateVector,
  parseTreeId,
  type ReadQuery,
  StoreError,
  type TreeId,
  type VectorPage,
  type VectorQuery,
} from '@spacestore/core';

/** A read query in JSON, as a request's body has it and as `next` of an answer. */
export interface ReadQueryJson {
  after?: string;
  through?: string;
  trees?: string[];
  missing?: unknown;
  receivedFrom?: number;
  receivedBefore?: number;
  limit?: number;
  limitBytes?: number;
}

/** What a hostile vector may cost. */
const vectorLimits = { maxPeers: 20_000, maxRanges: 200_000 };
const maxTrees = 10_000;

function parseTrees(trees: readonly string[]): readonly TreeId[] {
  if (trees.length > maxTrees)
    throw new StoreError('too_large', 'too many trees in one query', { context: { trees: trees.length, maxTrees } });
  return trees.map(parseTreeId);
}

/** Throws: invalid, too_large. */
export function parseReadQuery(json: ReadQueryJson, defaultLimit: number): ReadQuery {
  const { after, through, trees, missing, receivedFrom, receivedBefore, limit, limitBytes } = json;
  return {
    limit: limit ?? defaultLimit,
    ...(after !== undefined && { after: parseCursor(after) }),
    ...(through !== undefined && { through: parseCursor(through) }),
    ...(trees !== undefined && { trees: parseTrees(trees) }),
    ...(missing !== undefined && { missing: parseStateVector(missing, vectorLimits) }),
    ...(receivedFrom !== undefined && { receivedFrom }),
    ...(receivedBefore !== undefined && { receivedBefore }),
    ...(limitBytes !== undefined && { limitBytes }),
  };
}

/** What `parseReadQuery` reads back. */
export function readQueryJson(query: ReadQuery): ReadQueryJson {
  const { missing, trees, ...rest } = query;
  return { ...rest, ...(trees && { trees: [...trees] }), ...(missing && { missing: encodeStateVector(missing) }) };
}

/** `a,b,c` of a query string: ids have no commas. */
export function treeList(text: string | undefined): string[] | undefined {
  return text === undefined ? undefined : text.split(',');
}

export interface VectorQueryJson {
  trees?: string[];
  through?: string;
  after?: string;
  limit?: number;
}

/** Throws: invalid, too_large. */
export function parseVectorQuery({ trees, through, after, limit }: VectorQueryJson, defaultLimit: number): VectorQuery {
  return {
    limit: limit ?? defaultLimit,
    ...(trees !== undefined && { trees: parseTrees(trees) }),
    ...(through !== undefined && { through: parseCursor(through) }),
    ...(after !== undefined && { after }),
  };
}

export function vectorPageJson({ vector, next, through }: VectorPage): object {
  return { vector: encodeStateVector(vector), ...(next && { next }), ...(through !== undefined && { through }) };
}
