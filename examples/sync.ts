import { sqliteStores } from '@spacestore/adapter-sqlite';
import { createClient } from '@spacestore/client';
import { decodeOp, encodeOp, parsePeerId, parseTreeId, parseWorkspaceId } from '@spacestore/core';

const [url = 'http://127.0.0.1:8787', token = '', dir = './client-data'] = process.argv.slice(2);
const local = sqliteStores({ dir });
const tree = parseTreeId('shopping');

// Records are durable in the outbox before they are sent, and stay there until the server has them on disk.
const client = createClient({ url, token: () => token, outbox: local.outbox() });
const notes = client.workspace(parseWorkspaceId('notes'), { peers: [parsePeerId('laptop')], trees: 'all' });

const stop = notes.onRecords((records) => console.error('received:', JSON.stringify(records.map(decodeOp))));
notes.status.subscribe(({ connected, pending, problem }) => console.error(connected, `${pending} not yet safe`, problem ?? ''));

await notes.append([encodeOp(tree, { id: { counter: 1, peerId: 'laptop' }, targetId: 'milk', key: 'amount', value: 2 })]);
await notes.flush(); // resolves when all of it is acknowledged or refused

const { pending, quarantined } = notes.status.value;
console.log(pending + quarantined === 0 ? 'all saved' : `${pending} waiting, ${quarantined} refused`);

stop();
await client.close();
await local.close();
