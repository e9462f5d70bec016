import { type PresignedRequest, StoreError } from '@spacestore/core';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import { linkPath } from '../../service/direct-files.ts';
import type { Services } from '../../services.ts';
import { callOf } from '../abort-signal.ts';
import { type App, grantOf } from '../app-types.ts';
import { parseRangeHeader } from '../byte-range-header.ts';
import { entityTag } from '../entity-tag.ts';
import { Entry, entryJson, FileName, FileParams, keyOf, MimeType, sendContent } from '../file-reply.ts';
import { answer, exact } from '../schemas.ts';

const tags = ['files'];
const Life = Type.Integer({
  minimum: 1000,
  maximum: 3_600_000,
  description: 'How long the link is good for; as the server’s setting if absent',
});
const Request = Type.Object({
  url: Type.String({ description: 'Absolute, or a path of this server' }),
  method: Type.String(),
  headers: Type.Record(Type.String(), Type.String(), { description: 'The request must carry them as they are' }),
  expiresAt: Type.Integer({ description: 'Milliseconds since 1970' }),
});
const Granted = Type.Object({
  request: Type.Optional(Request),
  upload: Type.Optional(Type.String({ description: 'For commit' })),
  file: Type.Optional(Entry),
});

/** Links to send and fetch files by, without a token. */
export function directFileRoutes(app: App, { direct }: Services): void {
  app.post(
    '/workspaces/:workspace/files/:kind/:id/upload',
    {
      config: { action: 'append' },
      schema: {
        tags,
        summary: 'A link to send a static file by; 200 with the file if it is there already',
        params: FileParams,
        body: Type.Object(
          {
            sizeBytes: Type.Integer({ minimum: 0 }),
            mimeType: Type.Optional(MimeType),
            name: Type.Optional(FileName),
            expiresInMs: Type.Optional(Life),
          },
          exact,
        ),
        response: { 200: answer(Granted), 201: answer(Granted) },
      },
    },
    async (request, reply) => {
      const granted = await direct.grantUpload(grantOf(request), keyOf(request.params), request.body, callOf(reply));
      if ('file' in granted) return { file: entryJson(granted.file.entry, granted.file.info) };
      return reply.code(201).send({ request: requestJson(granted.request), upload: granted.upload });
    },
  );

  app.post(
    '/workspaces/:workspace/files/:kind/:id/commit',
    {
      config: { action: 'append' },
      schema: {
        tags,
        summary: 'The file that was sent counts from now on, if its bytes are what its hash says',
        params: FileParams,
        body: Type.Object({ upload: Type.String({ minLength: 1, maxLength: 4096 }) }, exact),
        response: { 200: answer(Entry) },
      },
    },
    async (request, reply) => {
      const { entry, info } = await direct.commit(grantOf(request), keyOf(request.params), request.body.upload, callOf(reply));
      return reply.header('etag', entityTag(info.version)).send(entryJson(entry, info));
    },
  );

  app.post(
    '/workspaces/:workspace/files/:kind/:id/download',
    {
      config: { action: 'read' },
      schema: {
        tags,
        summary: 'A link to fetch a file by, as a download under a name',
        params: FileParams,
        body: Type.Object({ name: Type.Optional(FileName), expiresInMs: Type.Optional(Life) }, exact),
        response: { 200: answer(Request) },
      },
    },
    async (request, reply) => {
      const { name, expiresInMs } = request.body;
      const wish = { ...(name !== undefined && { downloadName: name }), ...(expiresInMs !== undefined && { expiresInMs }) };
      return requestJson(await direct.grantDownload(grantOf(request), keyOf(request.params), wish, callOf(reply)));
    },
  );
}

/** Where this server's own links lead. They are looked at before anything of a body is read. */
export function linkRoutes(app: App, { direct }: Services): void {
  const schema = { tags, querystring: Type.Object({ link: Type.String({ maxLength: 4096 }) }, exact), security: [] };

  app.get(
    linkPath,
    { config: { action: 'signed' }, schema: { ...schema, summary: 'A file’s bytes, whole or by Range, by a download link' } },
    async (request, reply) => {
      const range = parseRangeHeader(request.headers.range);
      const { entry, content } = await direct.send(request.query.link, range, callOf(reply));
      return sendContent(reply, entry, content, range);
    },
  );

  void app.register((uploads, _, done) => {
    uploads.removeAllContentTypeParsers();
    uploads.addContentTypeParser('*', (_request, payload, ready) => ready(null, payload));
    uploads.put(
      linkPath,
      { config: { action: 'signed' }, schema: { ...schema, summary: 'Takes the bytes of an upload link' } },
      async (request, reply) => {
        const { link } = request.query as { link: string }; // routes inside a plugin have no inferred types
        const length = lengthOf(request);
        const { entry, info } = await direct.receive(link, { body: request.raw, ...length }, callOf(reply));
        return reply.code(201).header('etag', entityTag(info.version)).header('cache-control', 'no-store').send(entryJson(entry, info));
      },
    );
    done();
  });
}

function lengthOf({ headers: { 'content-length': length } }: FastifyRequest): { readonly sizeBytes?: number } {
  if (length === undefined) return {};
  if (!/^\d{1,15}$/.test(length)) throw new StoreError('invalid', 'a content length is a number');
  return { sizeBytes: Number(length) };
}

function requestJson({ url, method, headers, expiresAt }: PresignedRequest): PresignedRequest {
  return { url, method, headers, expiresAt };
}
