import type { OpRecord, PeerId, StoredRecord, TreeId, WorkspaceId } from '@spacestore/core';
import { LawBroken } from '../../check/broken.ts';
import { equalBytes } from '../../check/digest.ts';
import { holds, same } from '../../check/expect.ts';
import { words } from '../../check/words.ts';
import { keyOfRecord } from '../../model/outbox.ts';
import type { SyncClient, SyncUnderTest } from '../../spec/kind.ts';

export const peer = (name: string): PeerId => name as PeerId;

/** Records of one peer, in two trees, that nobody else would write. */
export const recordsOf = (name: string, first: number, count: number): OpRecord[] =>
  Array.from({ length: count }, (_, i) => {
    const counter = first + i;
    return {
      tree: `t${counter % 2}` as TreeId,
      peer: peer(name),
      counter,
      body: new TextEncoder().encode(`${name} wrote ${counter} ${'.'.repeat(counter % 50)}`),
    };
  });

/** Waits until it holds. Throws if it takes so long that it will not. */
export async function until(condition: () => boolean, otherwise: () => string, ms = 8000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new LawBroken(otherwise());
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

export const live = (client: SyncClient): Promise<void> =>
  until(
    () => client.status().connected === 'live',
    () => `a client stays ${client.status().connected}`,
  );

const sorted = (records: readonly OpRecord[]): readonly OpRecord[] =>
  [...records].sort((a, b) => (keyOfRecord(a) < keyOfRecord(b) ? -1 : 1));

/** Throws unless the server has exactly these records, whatever the order, and gives them. */
export async function expectLog(
  sync: SyncUnderTest,
  workspace: WorkspaceId,
  records: readonly OpRecord[],
): Promise<readonly StoredRecord[]> {
  const log = await sync.log(workspace);
  same(words(sorted(log)), words(sorted(records)), "the server's log");
  const bodies = new Map(log.map((record) => [keyOfRecord(record), record.body]));
  for (const record of records) {
    const body = bodies.get(keyOfRecord(record));
    holds(body !== undefined && equalBytes(body, record.body), `the body of ${words([record])} is another on the server`);
  }
  return log;
}

/** Waits until a client was given every record of the log that is not its own, and throws unless in order, each once. */
export async function expectReceived(
  client: SyncClient,
  log: readonly StoredRecord[],
  own: (record: OpRecord) => boolean,
  what: string,
  again: 'once' | 'again' = 'once',
): Promise<void> {
  const wanted = log.filter((record) => !own(record));
  const foreign = (): readonly (OpRecord & { readonly position: number })[] => client.received().filter((record) => !own(record));
  const keys = (): ReadonlySet<string> => new Set(foreign().map(keyOfRecord));
  await until(
    () => wanted.every((record) => keys().has(keyOfRecord(record))),
    () => `${what} was not given ${words(wanted.filter((record) => !keys().has(keyOfRecord(record))))}`,
  );
  const got = foreign();
  if (again === 'once') {
    const twice = got.filter((record, i) => got.findIndex((one) => keyOfRecord(one) === keyOfRecord(record)) < i);
    same(words(twice), '(nothing)', `${what} was given twice`);
    const late = got.filter((record, i) => i > 0 && record.position <= (got[i - 1]?.position ?? 0));
    same(words(late), '(nothing)', `${what} was given out of order`);
  }
  const bodies = new Map(log.map((record) => [keyOfRecord(record), record]));
  for (const record of got) {
    const stored = bodies.get(keyOfRecord(record));
    holds(stored !== undefined, `${what} was given ${words([record])}, which is not in the log`);
    holds(equalBytes(stored.body, record.body), `${what} was given another body of ${words([record])}`);
    same(record.position, stored.position, `position of ${words([record])} as ${what} was told`);
  }
}
