import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import Fastify, { type FastifyReply, type FastifyRequest } from 'fastify';
import { conditionRefusal, joinParts, type ObjectHeaders, type PendingUpload, type StoredObject, tagOf } from './objects.ts';
import { type Keys, refusalOf } from './signature.ts';

/** What only S3 does wrong, once. */
export type Mischief =
  /** 200, blanks, and then an error in place of the result: what AWS answers when the end of an upload fails late. */
  | 'error inside 200'
  /** The end of an upload is done, and then told as an error. */
  | 'done, error inside 200'
  /** 503 and a lost reply for the second part of an upload, one after the other. */
  | 'busy part'
  /** A listing as it was before the last change. */
  | 'stale list'
  /** Half a body, then nothing until the reader goes. */
  | 'slow drip'
  /** Sends the caller to another place. */
  | 'redirect';

export interface StrictS3 {
  readonly endpoint: string;
  readonly credentials: Keys;
  readonly bucket: string;
  readonly objects: Map<string, StoredObject>;
  readonly uploads: Map<string, PendingUpload>;
  /** Requests so far: method and path with its query. */
  readonly requests: string[];
  /** The next request it fits meets it. */
  readonly mischief: (mischief: Mischief) => void;
  /** Before the next PUT of a blob is judged, somebody else does this. */
  readonly overtake: (work: () => Promise<unknown>) => void;
  readonly close: () => Promise<void>;
}

const statuses: Readonly<Record<string, number>> = {
  AccessDenied: 403,
  InvalidAccessKeyId: 403,
  SignatureDoesNotMatch: 403,
  RequestTimeTooSkewed: 403,
  NoSuchKey: 404,
  NoSuchBucket: 404,
  NoSuchUpload: 404,
  PreconditionFailed: 412,
  InvalidRange: 416,
  NotImplemented: 501,
  TemporaryRedirect: 307,
  SlowDown: 503,
  InternalError: 500,
};

/** A server that speaks as much of S3 as a blob store needs, as strictly as AWS: signatures, digests, conditions, parts, customer keys. In memory. */
export async function strictS3(): Promise<StrictS3> {
  const credentials = { accessKeyId: 'AKIDSTRICT', secretAccessKey: randomUUID() };
  const bucket = 'strict';
  const objects = new Map<string, StoredObject>();
  const uploads = new Map<string, PendingUpload>();
  const requests: string[] = [];
  let before: readonly (readonly [string, StoredObject])[] = [];
  let planned: Mischief | 'lost part' | undefined;
  let overtaking: (() => Promise<unknown>) | undefined;
  const meets = (mischief: typeof planned): boolean => {
    if (planned !== mischief) return false;
    planned = undefined;
    return true;
  };

  const types = new WeakMap<IncomingMessage, string>();
  const app = Fastify({
    bodyLimit: 2 ** 30,
    forceCloseConnections: true,
    rewriteUrl: (request) => {
      // S3 keeps any text as a type; Fastify would refuse those that are none.
      const { 'content-type': type } = request.headers;
      if (type !== undefined) types.set(request as IncomingMessage, type);
      delete request.headers['content-type'];
      return request.url ?? '';
    },
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));

  app.addHook('preHandler', async ({ method, url }) => {
    if (method !== 'PUT' || url.includes('/.incoming/') || overtaking === undefined) return;
    const work = overtaking;
    overtaking = undefined;
    await work();
  });

  const refuse = (reply: FastifyReply, code: string): FastifyReply =>
    reply
      .code(statuses[code] ?? 400)
      .type('application/xml')
      .send(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>as AWS says it</Message></Error>`);
  const xml = (reply: FastifyReply, body: string): FastifyReply => reply.type('application/xml').send(`<?xml version="1.0"?>${body}`);
  const change = (work: () => void): void => {
    before = [...objects];
    work();
  };

  const handle = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const { method, url } = request;
    const type = types.get(request.raw);
    const headers: Readonly<Record<string, string | undefined>> = {
      ...(request.headers as Record<string, string>),
      ...(type !== undefined && { 'content-type': type }),
    };
    requests.push(`${method} ${url}`);
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    const refusal = refusalOf({ method, url, headers, body }, credentials, Date.now());
    if (refusal !== undefined) return refuse(reply, refusal);
    const { pathname, searchParams: query } = new URL(url, 'http://s3');
    const [, named, ...rest] = pathname.split('/').map(decodeURIComponent);
    const key = rest.join('/');
    if (named !== bucket) return refuse(reply, 'NoSuchBucket');
    if (meets('redirect')) return refuse(reply, 'TemporaryRedirect');
    const keyMd5 = headers['x-amz-server-side-encryption-customer-key-md5'];
    const present = objects.get(key);
    reply.header('date', new Date().toUTCString());

    if (key === '') {
      if (method === 'HEAD') return reply.send();
      if (method === 'POST') return deleteMany(reply, body.toString());
      return query.has('uploads') ? listUploads(reply, query) : listObjects(reply, query);
    }
    switch (method) {
      case 'HEAD':
      case 'GET':
        if (present === undefined) return refuse(reply, 'NoSuchKey');
        if (present.keyMd5 !== keyMd5) return refuse(reply, 'InvalidRequest');
        return send(reply, method, present, headers.range, query);
      case 'DELETE': {
        const uploadId = query.get('uploadId');
        if (uploadId !== null) return uploads.delete(uploadId) ? reply.code(204).send() : refuse(reply, 'NoSuchUpload');
        const code = headers['if-match'] === undefined ? undefined : conditionRefusal(present, headers);
        if (code !== undefined) return refuse(reply, code);
        change(() => objects.delete(key));
        return reply.code(204).send();
      }
      case 'PUT': {
        const uploadId = query.get('uploadId');
        if (uploadId !== null) {
          const upload = uploads.get(uploadId);
          if (upload?.key !== key) return refuse(reply, 'NoSuchUpload');
          if (upload.keyMd5 !== keyMd5) return refuse(reply, 'InvalidRequest');
          const second = query.get('partNumber') === '2';
          if (second && meets('busy part')) {
            planned = 'lost part';
            return refuse(reply.header('retry-after', '0'), 'SlowDown');
          }
          upload.parts.set(Number(query.get('partNumber')), { body, tag: tagOf(body) });
          if (second && meets('lost part')) {
            request.raw.socket.destroy();
            return reply;
          }
          return reply.header('etag', tagOf(body)).send();
        }
        const code = conditionRefusal(present, headers);
        if (code !== undefined) return refuse(reply, code);
        change(() => objects.set(key, { body, tag: tagOf(body), headers: kept(headers), modifiedAt: new Date(), keyMd5 }));
        return reply.header('etag', tagOf(body)).send();
      }
      case 'POST': {
        if (query.has('uploads')) {
          const id = randomUUID();
          uploads.set(id, { key, headers: kept(headers), keyMd5, begunAt: new Date(), parts: new Map() });
          return xml(reply, `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
        }
        return complete(reply, key, query.get('uploadId') ?? '', headers, body.toString());
      }
      default:
        return refuse(reply, 'NotImplemented');
    }
  };

  const complete = (
    reply: FastifyReply,
    key: string,
    id: string,
    headers: Readonly<Record<string, string | undefined>>,
    text: string,
  ): FastifyReply => {
    const upload = uploads.get(id);
    if (upload?.key !== key) return refuse(reply, 'NoSuchUpload');
    const code = conditionRefusal(objects.get(key), headers);
    if (code !== undefined) return refuse(reply, code);
    const inside = '\n \n<Error><Code>InternalError</Code><Message>late</Message></Error>';
    if (meets('error inside 200')) return xml(reply, inside);
    const named = [...text.matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, part = '']) => ({
      number: Number(element(part, 'PartNumber')),
      tag: element(part, 'ETag'),
    }));
    const body = joinParts(upload, named);
    if (typeof body === 'string') return refuse(reply, body);
    const tag = tagOf(body).replace(/"$/, `-${named.length}"`);
    change(() => objects.set(key, { body, tag, headers: upload.headers, modifiedAt: new Date(), keyMd5: upload.keyMd5 }));
    uploads.delete(id);
    if (meets('done, error inside 200')) return xml(reply, inside);
    return xml(reply, `<CompleteMultipartUploadResult><ETag>${escaped(tag)}</ETag></CompleteMultipartUploadResult>`);
  };

  const send = (
    reply: FastifyReply,
    method: string,
    object: StoredObject,
    range: string | undefined,
    query: URLSearchParams,
  ): FastifyReply => {
    const { body, tag, headers, modifiedAt } = object;
    const disposition = query.get('response-content-disposition');
    reply.headers({
      'content-type': 'binary/octet-stream',
      ...headers,
      etag: tag,
      'last-modified': modifiedAt.toUTCString(),
      'accept-ranges': 'bytes',
    });
    if (disposition !== null) reply.header('content-disposition', disposition);
    if (method === 'HEAD') return reply.header('content-length', String(body.length)).send();
    const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? [];
    if (range === undefined) return meets('slow drip') ? drip(reply, body) : reply.send(body);
    const from = first === '' ? Math.max(0, body.length - Number(last)) : Number(first);
    const to = first === '' || last === '' ? body.length : Math.min(Number(last) + 1, body.length);
    if (from >= body.length) return refuse(reply, 'InvalidRange');
    return reply
      .code(206)
      .header('content-range', `bytes ${from}-${to - 1}/${body.length}`)
      .send(body.subarray(from, to));
  };

  const drip = (reply: FastifyReply, body: Uint8Array): FastifyReply => {
    reply.hijack();
    reply.raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), 'content-length': String(body.length) });
    reply.raw.write(body.subarray(0, body.length / 2));
    return reply;
  };

  const listObjects = (reply: FastifyReply, query: URLSearchParams): FastifyReply => {
    const prefix = query.get('prefix') ?? '';
    const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
    const limit = Number(query.get('max-keys') ?? 1000);
    const all = meets('stale list') ? before : [...objects];
    const found = all.filter(([key]) => key.startsWith(prefix) && key > after).sort(([a], [b]) => (a < b ? -1 : 1));
    const page = found.slice(0, limit);
    const more = found.length > limit ? `<NextContinuationToken>${escaped(page.at(-1)?.[0] ?? '')}</NextContinuationToken>` : '';
    const rows = page.map(
      ([key, { body, tag, modifiedAt }]) =>
        `<Contents><Key>${escaped(key)}</Key><Size>${body.length}</Size><ETag>${escaped(tag)}</ETag><LastModified>${modifiedAt.toISOString()}</LastModified></Contents>`,
    );
    return xml(reply, `<ListBucketResult><IsTruncated>${more !== ''}</IsTruncated>${more}${rows.join('')}</ListBucketResult>`);
  };

  const listUploads = (reply: FastifyReply, query: URLSearchParams): FastifyReply => {
    const rows = [...uploads].filter(([, { key }]) => key.startsWith(query.get('prefix') ?? ''));
    const entries = rows.map(
      ([id, { key, begunAt }]) =>
        `<Upload><Key>${escaped(key)}</Key><UploadId>${id}</UploadId><Initiated>${begunAt.toISOString()}</Initiated></Upload>`,
    );
    return xml(reply, `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${entries.join('')}</ListMultipartUploadsResult>`);
  };

  const deleteMany = (reply: FastifyReply, text: string): FastifyReply => {
    const keys = [...text.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key = '']) => plain(key));
    change(() => {
      for (const key of keys) objects.delete(key);
    });
    return xml(reply, '<DeleteResult></DeleteResult>');
  };

  app.route({ method: ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'], url: '/*', exposeHeadRoute: false, handler: handle });
  const endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
  return {
    endpoint,
    credentials,
    bucket,
    objects,
    uploads,
    requests,
    mischief: (mischief) => {
      planned = mischief;
    },
    overtake: (work) => {
      overtaking = work;
    },
    close: () => app.close(),
  };
}

/** What an object keeps of the request that made it. */
function kept(headers: Readonly<Record<string, string | undefined>>): ObjectHeaders {
  const names = Object.keys(headers).filter(
    (name) =>
      name === 'content-type' ||
      name.startsWith('x-amz-meta-') ||
      name === 'x-amz-storage-class' ||
      /^x-amz-server-side-encryption(?:-aws-kms-key-id)?$/.test(name),
  );
  return Object.fromEntries(names.map((name) => [name, headers[name] ?? '']));
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
const plain = (text: string): string => text.replaceAll('&quot;', '"').replaceAll('&lt;', '<').replaceAll('&amp;', '&');
const element = (text: string, name: string): string => plain(new RegExp(`<${name}>(.*?)</${name}>`, 's').exec(text)?.[1] ?? '');
