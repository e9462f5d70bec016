import type { BlobRoot, BlobStore, PresignedRequest, StoreErrorCode } from '@spacestore/core';
import fc from 'fast-check';
import { brief, digestOf } from '../../check/digest.ts';
import { holds, refused, same, settle } from '../../check/expect.ts';
import { contentOf, edgeSizes, keyOfContent, mutableKey, plainSource, rootOf } from '../../gen/blob-store.ts';
import type { LawContext } from '../../run/context.ts';
import type { Law } from '../../spec/law.ts';
import { expectBlob, expectNoBlob, factsOf, listBlobs, readBlob } from './reading.ts';

const group = 'presign';
const needs: Law<'blob-store'>['needs'] = { name: 'presign', holds: (store) => store.capabilities.presign };
const minute = 60_000;

interface Answer {
  readonly ok: boolean;
  readonly bytes: Uint8Array;
  readonly disposition: string | null;
}

/** Asks a URL over HTTP; the body is awaited so that the connection is free again. A connection the server ends is a refusal too. */
async function ask(request: Pick<PresignedRequest, 'url' | 'headers'>, method: string, body?: Uint8Array): Promise<Answer> {
  const { url, headers } = request;
  const outcome = await settle(async () => {
    const answer = await fetch(url, { method, headers, ...(body === undefined ? {} : { body: Uint8Array.from(body) }) });
    const bytes = new Uint8Array(await answer.arrayBuffer());
    return { ok: answer.ok, bytes, disposition: answer.headers.get('content-disposition') };
  });
  return outcome.ok ? outcome.value : { ok: false, bytes: new Uint8Array(), disposition: null };
}

async function refuses(context: LawContext<'blob-store'>): Promise<void> {
  await context.example(async (run) => {
    const { store } = await context.shared();
    const root = rootOf('signed');
    run.say('presign GET and PUT, commit');
    await refused(store.presign(root, mutableKey(1), { method: 'GET', expiresInMs: minute }), 'presign GET', 'unsupported');
    await refused(store.presign(root, mutableKey(1), { method: 'PUT', expiresInMs: minute, sizeBytes: 10 }), 'presign PUT', 'unsupported');
    await refused(store.commit(root, mutableKey(1), 'nothing'), 'commit', 'unsupported');
    same(store.capabilities.maxUploadBytes, 0, 'maxUploadBytes without presign');
  });
}

/** Every way to turn one URL into another that must open nothing. */
function tampered({ url }: PresignedRequest, id: string, foreignId: string): readonly (readonly [string, string])[] {
  const { origin, pathname, searchParams } = new URL(url);
  const changed = [...searchParams.keys()].flatMap((name): readonly (readonly [string, string])[] => {
    const value = searchParams.get(name) as string;
    const other = new URLSearchParams(searchParams);
    // Another value of the same shape: the last digit or letter of it moved by one.
    other.set(
      name,
      value.replace(/[0-9a-zA-Z](?=[^0-9a-zA-Z]*$)/, (char) => (char === '1' ? '2' : '1')),
    );
    return other.get(name) === value ? [] : [[`another ${name}`, `${origin}${pathname}?${other.toString()}`]];
  });
  return [['another key', url.replaceAll(id, foreignId)], ['no signature', `${origin}${pathname}`], ...changed];
}

const presigned: Law<'blob-store'> = {
  id: 'BL-14',
  kind: 'blob-store',
  group,
  title:
    'a presigned URL allows its one method on its one key until it expires, and nothing else; without the capability it is `unsupported`',
  why: 'The URL is handed to a browser: whatever else it opens is open to everybody.',
  needs,
  refusal: refuses,
  run: (context) =>
    context.example(async (run) => {
      const { store } = await context.shared();
      const root = rootOf('signed');
      const [mine, other] = [contentOf(1, 1000), contentOf(2, 1000)];
      const [key, foreign] = [keyOfContent(mine), keyOfContent(other)];
      await store.put(root, key, plainSource(mine));
      await store.put(root, foreign, plainSource(other));

      run.say('GET by its URL, by a changed one, by other methods');
      const get = await store.presign(root, key, { method: 'GET', expiresInMs: minute, downloadName: 'Übersicht "1".pdf' });
      same(get.upload, undefined, 'upload told by presign for GET');
      const got = await ask(get, 'GET');
      same(digestOf(got.bytes), digestOf(mine), 'sha256 of the bytes by URL');
      same(got.disposition, "attachment; filename*=UTF-8''%C3%9Cbersicht%20%221%22.pdf", 'content-disposition by URL');
      const [id, foreignId] = [key, foreign].map((each) => each.slice(each.indexOf('/') + 3)) as [string, string];
      for (const [what, url] of tampered(get, id, foreignId))
        same((await ask({ url, headers: get.headers }, 'GET')).ok, false, `GET by a URL with ${what} is let through`);
      for (const method of ['PUT', 'DELETE', 'POST'])
        same((await ask(get, method, method === 'DELETE' ? undefined : other)).ok, false, `${method} by a URL for GET is let through`);
      await expectBlob(store, root, key, mine, 'after the tries');

      run.say('PUT by its URL with other lengths, by a changed one, by other methods');
      const fresh = contentOf(3, 500);
      const put = await store.presign(root, keyOfContent(fresh), { method: 'PUT', expiresInMs: minute, sizeBytes: 500 });
      for (const length of [499, 501, 0]) {
        const grant = await store.presign(root, keyOfContent(fresh), { method: 'PUT', expiresInMs: minute, sizeBytes: 500 });
        const taken = (await ask(grant, 'PUT', contentOf(3, length))).ok;
        if (store.capabilities.boundUploads) same(taken, false, `a PUT of ${length} bytes where 500 were signed is let through`);
        const outcomes = taken ? (['invalid', 'not_found'] as const) : (['not_found'] as const);
        for (const outcome of outcomes)
          await refused(
            store.commit(root, keyOfContent(fresh), grant.upload as string),
            `commit of ${length} bytes where 500 were signed`,
            outcome,
          );
      }
      const freshId = keyOfContent(fresh).slice(9);
      for (const [what, url] of tampered(put, freshId, foreignId))
        same((await ask({ url, headers: put.headers }, 'PUT', fresh)).ok, false, `PUT by a URL with ${what} is let through`);
      for (const method of ['GET', 'DELETE']) same((await ask(put, method)).ok, false, `${method} by a URL for PUT is let through`);
      await expectNoBlob(store, root, keyOfContent(fresh), 'after the tries');
      await expectBlob(store, root, foreign, other, 'another blob after the tries');

      run.say('URLs that have expired');
      const short = { expiresInMs: 1000 } as const;
      const late = [
        await store.presign(root, key, { method: 'GET', ...short }),
        await store.presign(root, keyOfContent(fresh), { method: 'PUT', ...short, sizeBytes: 500 }),
      ];
      await new Promise((resolve) => setTimeout(resolve, 3000)); // servers count in seconds
      for (const request of late)
        same(
          (await ask(request, request.method, request.method === 'PUT' ? fresh : undefined)).ok,
          false,
          `${request.method} after the time is let through`,
        );

      run.say('what can not be signed');
      const { maxUploadBytes } = store.capabilities;
      const wrong: readonly (readonly [Parameters<BlobStore['presign']>[2], StoreErrorCode])[] = [
        [{ method: 'GET', expiresInMs: 0 }, 'invalid'],
        [{ method: 'GET', expiresInMs: Number.NaN }, 'invalid'],
        [{ method: 'GET', expiresInMs: 8 * 24 * 3600 * 1000 }, 'invalid'],
        [{ method: 'DELETE', expiresInMs: minute } as never, 'invalid'],
        [{ method: 'PUT', expiresInMs: minute } as never, 'invalid'],
        [{ method: 'PUT', expiresInMs: minute, sizeBytes: -1 }, 'invalid'],
        [{ method: 'PUT', expiresInMs: minute, sizeBytes: 1, contentType: 'a\r\nb' }, 'invalid'],
        [{ method: 'PUT', expiresInMs: minute, sizeBytes: maxUploadBytes + 1 }, 'too_large'],
      ];
      for (const [options, code] of wrong) await refused(store.presign(root, key, options), `presign ${JSON.stringify(options)}`, code);
      await refused(store.presign('../signed' as BlobRoot, key, { method: 'GET', expiresInMs: minute }), 'presign outside', 'invalid');
    }),
};

/** What an upload is of: a hash, a hash it does not have, a mutable file that is new, one that is there. */
const uploads = ['static', 'wrong', 'new', 'over a blob'] as const;

const committed: Law<'blob-store'> = {
  id: 'BL-27',
  kind: 'blob-store',
  group,
  title: 'what was sent by a presigned PUT becomes the blob by commit alone, once and again, and only if length and hash are right',
  why: 'A client that may send a file by itself could plant other bytes under a hash, or a file nobody has looked at.',
  needs,
  refusal: refuses,
  run: async (context) => {
    for (const how of uploads)
      await context.check(
        fc.record({ size: fc.oneof(fc.nat(300), fc.constantFrom(...edgeSizes)), typed: fc.boolean() }),
        async ({ size, typed }, run) => {
          const [fixed, isWrong] = [how === 'static' || how === 'wrong', how === 'wrong' && size > 0];
          const { store } = await context.shared();
          const name = run.fresh('r');
          const [root, other] = [rootOf(name), rootOf(`${name}0`)];
          const bytes = contentOf(12, size);
          const key = fixed ? keyOfContent(bytes) : mutableKey(1);
          const old = how === 'over a blob' ? contentOf(13, size + 3) : undefined;
          if (old) await store.put(root, key, plainSource(old));
          const untouched = async (what: string): Promise<void> => {
            if (old) await expectBlob(store, root, key, old, what);
            else await expectNoBlob(store, root, key, what);
          };
          const contentType = typed && store.capabilities.contentType ? 'image/png' : undefined;
          run.say(`grant an upload of ${brief(bytes)} to ${key}${old ? ` over ${brief(old)}` : ''}`);
          const put = await store.presign(root, key, {
            method: 'PUT',
            expiresInMs: minute,
            sizeBytes: size,
            ...(typed ? { contentType: 'image/png' } : {}),
          });
          holds(typeof put.upload === 'string' && /^[\x21-\x7e]{1,512}$/.test(put.upload), 'presign for PUT tells no upload');
          const { upload } = put;
          await refused(store.commit(root, key, upload), 'commit of what was not sent', 'not_found');
          await untouched('before anything was sent');

          if (isWrong) {
            run.say('send other content of the same length');
            const sent = await ask(put, 'PUT', contentOf(14, size));
            await untouched('after other content was sent');
            await refused(
              store.commit(root, key, upload),
              'commit of other content',
              ...(sent.ok ? (['invalid'] as const) : (['not_found'] as const)),
            );
            await untouched('after the refused commit');
            await refused(store.commit(root, key, upload), 'commit of what was removed', 'not_found');
          }
          run.say('send it, commit for another root and key, then for its own, twice');
          same((await ask(put, 'PUT', bytes)).ok, true, 'the signed PUT is let through');
          const early = await readBlob(store, root, key);
          if (fixed)
            holds(early === undefined || digestOf(early.bytes) === digestOf(bytes), 'other content than its hash is seen before commit');
          else same(early && digestOf(early.bytes), old && digestOf(old), 'sha256 seen before commit');
          await refused(store.commit(other, key, upload), 'commit for another root', 'not_found', 'invalid');
          await refused(store.commit(root, mutableKey(77), upload), 'commit for another key', 'not_found', 'invalid');
          await refused(store.commit(root, mutableKey(77), `${upload}x`), 'commit of an upload nobody granted', 'not_found', 'invalid');
          await expectNoBlob(store, other, key, 'another root');
          await expectNoBlob(store, root, mutableKey(77), 'another key');
          const told = await store.commit(root, key, upload);
          const found = await expectBlob(store, root, key, bytes, 'after commit');
          same(factsOf(told), factsOf(found), 'what commit told, beside get');
          same(found.contentType, contentType, 'type kept');
          same(factsOf(await store.commit(root, key, upload)), factsOf(found), 'what a second commit told');
          same(
            (await listBlobs(store, root)).map((entry) => entry.key),
            [key],
            'keys listed',
          );
          const later = await ask(put, 'PUT', bytes); // the URL may still be good: what it does must not be seen
          await expectBlob(store, root, key, bytes, `after another PUT by the same URL, which was ${later.ok ? 'taken' : 'refused'}`);
          await store.drop(root);
          await expectNoBlob(store, root, key, 'after drop');
        },
        { runs: 3 },
      );
  },
};

export const presignLaws: readonly Law<'blob-store'>[] = [presigned, committed];
