import { refused, same } from '../../check/expect.ts';
import { contentOf, keyOfContent, mutableKey, plainSource, rootOf } from '../../gen/blob-store.ts';
import type { Law } from '../../spec/law.ts';
import { expectBlob, expectNoBlob } from './reading.ts';

/** Asks a URL over HTTP; the body is awaited so that the connection is free again. */
async function ask(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>>,
  body?: Uint8Array,
): Promise<{ readonly ok: boolean; readonly bytes: Uint8Array }> {
  const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: Uint8Array.from(body) }) });
  return { ok: answer.ok, bytes: new Uint8Array(await answer.arrayBuffer()) };
}

const presigned: Law<'blob-store'> = {
  id: 'BL-14',
  kind: 'blob-store',
  group: 'presign',
  title: 'a presigned URL allows its one method on its one key and nothing else; without the capability it is `unsupported`',
  why: 'The URL is handed to a browser: whatever else it opens is open to everybody.',
  needs: { name: 'presign', holds: (store) => store.capabilities.presign },
  refusal: (context) =>
    context.example(async (run) => {
      const { store } = await context.shared();
      for (const method of ['GET', 'PUT'] as const) {
        run.say(`presign ${method}`);
        await refused(
          store.presign(rootOf('signed'), mutableKey(1), { method, expiresInMs: 1000, sizeBytes: 10 }),
          `presign ${method}`,
          'unsupported',
        );
      }
    }),
  run: (context) =>
    context.example(async (run) => {
      const { store } = await context.shared();
      const root = rootOf('signed');
      const [mine, other] = [contentOf(1, 1000), contentOf(2, 1000)];
      const [key, foreign] = [keyOfContent(mine), keyOfContent(other)];
      for (const [each, bytes] of [
        [key, mine],
        [foreign, other],
      ] as const)
        await store.put(root, each, plainSource(bytes));
      run.say('GET by its URL, by other methods, for another key, with another signature');
      const get = await store.presign(root, key, { method: 'GET', expiresInMs: 60_000 });
      same(Buffer.from((await ask(get.url, 'GET', get.headers)).bytes).equals(mine), true, 'bytes by URL are the blob');
      const id = key.slice(key.indexOf('/') + 3);
      const tampered = [
        get.url.replace(id, foreign.slice(foreign.indexOf('/') + 3)),
        get.url.replace(/([?&][^=&]*[Ss]ig[^=&]*=)[^&]*/, '$1AAAA'),
      ];
      for (const url of tampered) same((await ask(url, 'GET', get.headers)).ok, false, 'a tampered URL is let through');
      for (const method of ['PUT', 'DELETE'])
        same(
          (await ask(get.url, method, get.headers, method === 'PUT' ? other : undefined)).ok,
          false,
          `${method} by a URL for GET is let through`,
        );
      await expectBlob(store, root, key, mine, 'after the tries');
      run.say('PUT by its URL, with more bytes than signed');
      const fresh = contentOf(3, 500);
      const put = await store.presign(root, keyOfContent(fresh), { method: 'PUT', expiresInMs: 60_000, sizeBytes: 500 });
      same(
        (await ask(put.url, 'PUT', put.headers, contentOf(3, 501)).catch(() => ({ ok: false }))).ok,
        false,
        'a PUT of another length is let through',
      );
      await expectNoBlob(store, root, keyOfContent(fresh), 'after a PUT of another length');
      same((await ask(put.url, 'PUT', put.headers, fresh)).ok, true, 'the signed PUT is let through');
      await expectBlob(store, root, keyOfContent(fresh), fresh, 'after the signed PUT');
    }),
};

export const presignLaws: readonly Law<'blob-store'>[] = [presigned];
