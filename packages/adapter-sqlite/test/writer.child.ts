// Appends records one by one, as another process: dir, peer, count.
import { hasCode, parsePeerId, parseTreeId, parseWorkspaceId } from '@spacestore/core';
import { sqliteStores } from '../src/index.ts';

const [dir = '', peer = '', count = ''] = process.argv.slice(2);
const stores = sqliteStores({ dir, busyTimeoutMs: 5000 });
for (let counter = 0; counter < Number(count); ) {
  const body = new TextEncoder().encode(`${peer}${counter}`);
  try {
    await stores.ops.append(parseWorkspaceId('w'), [{ tree: parseTreeId('t'), peer: parsePeerId(peer), counter, body }]);
    counter++;
  } catch (error) {
    if (!hasCode(error, 'busy')) throw error;
  }
}
await stores.close();
