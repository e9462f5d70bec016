import { sqliteStores } from '@spacestore/adapter-sqlite';
import { decodeOp, encodeOp, parseTreeId, parseWorkspaceId } from '@spacestore/core';

const stores = sqliteStores({ dir: process.argv[2] ?? './data' });
const workspace = parseWorkspaceId('notes');
const tree = parseTreeId('shopping');

// One call is atomic, and on disk when it resolves. Appending the same again changes nothing.
const op = { id: { counter: 1, peerId: 'laptop' }, targetId: 'milk', key: 'amount', value: { litres: 2 } };
const { added } = await stores.ops.append(workspace, [encodeOp(tree, op)]);

// Read what there is, page by page; `through` is where to go on next time.
const page = await stores.ops.read(workspace, { limit: 100 });
console.log(`${added} added:`, JSON.stringify(page.records.map(decodeOp)));

// Another device's record, and only what came after the cursor.
await stores.ops.append(workspace, [encodeOp(tree, { id: { counter: 2, peerId: 'phone' }, targetId: 'milk', key: 'amount' })]);
const news = await stores.ops.read(workspace, { ...(page.through && { after: page.through }), limit: 100 });
console.log(`${news.records.length} new, from ${news.records[0]?.peer}`);

await stores.close();
