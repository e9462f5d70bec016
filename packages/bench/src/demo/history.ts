import { encodeOp, type OpRecord, parsePeerId, parseTreeId, type RepTreeOp } from '@spacestore/core';
import { loadExample } from '../data/examples.ts';
import { randomHex, randomWords, seededRandom } from '../data/random.ts';

export const historyNames = ['fastify-history', 'sila-chats', 'generated'] as const;
export type HistoryName = (typeof historyNames)[number];

/** Operations in an order in which they could have been made. */
export async function loadHistory(name: HistoryName, generatedCount: number): Promise<readonly OpRecord[]> {
  if (name === 'generated') return generate(generatedCount);
  return (await loadExample(name)).map((item) => item.record);
}

/** A tree that 40 peers build: vertices with names and texts, some moved, some thrown away. Equal on every run. */
function generate(count: number): OpRecord[] {
  const random = seededRandom(2026);
  const tree = parseTreeId('generated');
  const peers = Array.from({ length: 40 }, () => parsePeerId(randomHex(random)));
  const rootId = randomHex(random);
  const vertices = [rootId];
  const records: OpRecord[] = [];
  const add = (op: Readonly<Record<string, unknown>>, peer = peers[Math.floor(random() * peers.length)] as string): void => {
    const id = { counter: records.length + 1, peerId: peer };
    records.push(encodeOp(tree, { id, ...op } as RepTreeOp));
  };
  const any = (): string => vertices[Math.floor(random() * vertices.length)] as string;
  add({ targetId: '0', parentId: null }, peers[0]);
  add({ targetId: rootId, parentId: null }, peers[0]);
  while (records.length < count) {
    const dice = random();
    if (dice < 0.3) {
      const targetId = randomHex(random);
      add({ targetId, parentId: any() });
      vertices.push(targetId);
    } else if (dice < 0.33 && vertices.length > 1)
      add({ targetId: vertices[1 + Math.floor(random() * (vertices.length - 1))], parentId: any() });
    else if (dice < 0.34 && vertices.length > 1)
      add({ targetId: vertices[1 + Math.floor(random() * (vertices.length - 1))], parentId: '0' });
    else add({ targetId: any(), key: dice < 0.6 ? '_n' : 'text', value: randomWords(random, 24), transient: false });
  }
  return records;
}
