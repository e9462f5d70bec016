import { type PeerId, parsePeerId, parseTreeId, type TreeId } from '../ids.ts';
import { type ByteSource, takeAscii } from './varint.ts';

/** Ids that were parsed before, so that a name that comes again and again is neither made nor checked anew. Bounded, and forgotten as a whole. */
export interface IdCache {
  readonly tree: (source: ByteSource) => TreeId;
  readonly peer: (source: ByteSource) => PeerId;
}

const maxCachedIds = 4096;
const maxIdBytes = 128;

export function idCache(): IdCache {
  return { tree: knownNames(parseTreeId), peer: knownNames(parsePeerId) };
}

/** Names by a hash of their bytes (FNV-1a), taken as they lie in the frame. Source: Fowler, Noll, Vo. */
function knownNames<Id extends string>(parse: (value: string) => Id): (source: ByteSource) => Id {
  const known = new Map<number, Id>();
  return (source) => {
    const { bytes, at, end } = source;
    const length = at < end ? (bytes[at] as number) : 0;
    if (length > maxIdBytes - 1 || length > end - at - 1) return parse(takeAscii(source, maxIdBytes));
    let hash = 0x811c9dc5 | 0;
    for (let i = at + 1; i <= at + length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x01000193);
    const id = known.get(hash);
    if (id !== undefined && isSpelled(id, bytes, at + 1, length)) {
      source.at = at + 1 + length;
      return id;
    }
    const fresh = parse(takeAscii(source, maxIdBytes));
    if (known.size >= maxCachedIds) known.clear();
    known.set(hash, fresh);
    return fresh;
  };
}

function isSpelled(id: string, bytes: Uint8Array, from: number, length: number): boolean {
  if (id.length !== length) return false;
  for (let i = 0; i < length; i++) if (id.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}
