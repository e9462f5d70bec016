import type { OpRecord } from '../contracts/op-store.ts';
import { encodeBlocks, type PlacedBlock } from './encode.ts';
import type { WireWorkspace } from './messages.ts';
import { encodeRecordBlock } from './record-block.ts';
import type { FedGroup, GroupEntry, Wanted } from './server-session-types.ts';

/** The OPS frame of a group for a reader, or undefined if nothing in it concerns them: made once for all who want the same trees. */
export function groupFrame(ws: WireWorkspace, group: FedGroup, wanted: Wanted, reader: string): Uint8Array | undefined {
  const wrote = group.entries.some(({ author }) => author === reader);
  if (wrote) return frameOf(ws, group, wanted, reader);
  let frame = group.frames.get(wanted.key);
  if (frame === undefined) {
    frame = frameOf(ws, group, wanted, undefined) ?? nothing;
    group.frames.set(wanted.key, frame);
  }
  return frame.length === 0 ? undefined : frame;
}

const nothing = new Uint8Array(0);

function frameOf(ws: WireWorkspace, group: FedGroup, wanted: Wanted, without: string | undefined): Uint8Array | undefined {
  const blocks: PlacedBlock[] = [];
  for (const entry of group.entries) if (without === undefined || entry.author !== without) addBlocks(blocks, entry, wanted);
  return blocks.length === 0 ? undefined : encodeBlocks(ws, group.cursor, blocks);
}

/** The author's block as it came where all of it is wanted, else new ones of what is. */
function addBlocks(blocks: PlacedBlock[], { firstPosition, records, block }: GroupEntry, { trees }: Wanted): void {
  if (trees === null || records.every(({ tree }) => trees.has(tree))) {
    blocks.push({ firstPosition, block: block ?? encodeRecordBlock(records) });
    return;
  }
  let run: OpRecord[] = [];
  const close = (end: number): void => {
    if (run.length > 0) blocks.push({ firstPosition: firstPosition + end - run.length, block: encodeRecordBlock(run) });
    run = [];
  };
  for (const [index, record] of records.entries())
    if (trees.has(record.tree)) run.push(record);
    else close(index);
  close(records.length);
}
