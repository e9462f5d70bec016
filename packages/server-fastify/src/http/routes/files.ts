import { StoreError } from '@spacestore/core';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import { callOf } from '../abort-signal.ts';
import { type App, grantOf } from '../app-types.ts';
import { parseRangeHeader } from '../byte-range-header.ts';
import { entityTag, tagListHas, versionOfTag } from '../entity-tag.ts';
import { describeFile, Entry, entryJson, FileName, FileParams, Kind, keyOf, MimeType, sendContent } from '../file-reply.ts';
import { answer, exact, Next, WorkspaceParams } from '../schemas.ts';

const tags = ['files'];
const defaultGraceMs = 30 * 24 * 3600 * 1000;

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}

/** The conditions of a write. */
function conditions(request: FastifyRequest): { ifMatch?: string; ifNoneMatch?: '*' } {
  const match = single(request.headers['if-match']);
  const noneMatch = single(request.headers['if-none-match']);
  if (noneMatch !== undefined && noneMatch.trim() !== '*') throw new StoreError('invalid', 'a write takes If-None-Match: * alone');
  return { ...(match !== undefined && { ifMatch: versionOfTag(match) }), ...(noneMatch !== undefined && { ifNoneMatch: '*' as const }) };
}

export function fileRoutes(app: App, { files, sweep }: Services): void {
  app.get(
    '/workspaces/:workspace/files',
    {
      config: { action: 'read' },
      schema: {
        tags,
        summary: 'Lists files in byte order of their keys',
        params: WorkspaceParams,
        querystring: Type.Object(
          {
            kind: Type.Optional(Kind),
            after: Type.Optional(Type.String({ maxLength: 80 })),
            limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
          },
          exact,
        ),
        response: { 200: answer(Type.Object({ items: Type.Array(Entry), next: Type.Optional(Next) })) },
      },
    },
    async (request, reply) => {
      const { kind, after, limit } = request.query;
      const listing = { limit: limit ?? 1000, ...(kind && { kind }), ...(after !== undefined && { after }) };
      const page = await files.list(grantOf(request), listing, callOf(reply));
      return { ...page, items: page.items.map((entry) => entryJson(entry)) };
    },
  );

  app.get(
    '/workspaces/:workspace/files/:kind/:id',
    {
      config: { action: 'read' },
      schema: { tags, summary: 'A file’s bytes, whole or by Range', params: FileParams },
    },
    async (request, reply) => {
      const key = keyOf(request.params);
      const grant = grantOf(request);
      const call = callOf(reply);
      const { 'if-none-match': known, 'if-range': ifRange } = request.headers;
      let range = parseRangeHeader(request.headers.range);
      if (known !== undefined || (range && ifRange !== undefined)) {
        const { entry, info } = await files.head(grant, key, call);
        if (known !== undefined && tagListHas(known, entityTag(info.version))) {
          describeFile(reply, entry, info);
          return reply.code(304).send();
        }
        if (ifRange !== undefined && ifRange !== entityTag(info.version)) range = undefined;
      }
      const { entry, content } = await files.get(grant, key, range, call);
      return sendContent(reply, entry, content, range);
    },
  );

  app.head(
    '/workspaces/:workspace/files/:kind/:id',
    { config: { action: 'read' }, schema: { tags, summary: 'What a get would tell, without the bytes', params: FileParams } },
    async (request, reply) => {
      const { entry, info } = await files.head(grantOf(request), keyOf(request.params), callOf(reply));
      describeFile(reply, entry, info);
      return reply.header('content-length', info.sizeBytes).send();
    },
  );

  app.delete(
    '/workspaces/:workspace/files/:kind/:id',
    {
      config: { action: 'files.delete' },
      schema: { tags, summary: 'Removes a file; with If-Match only that version', params: FileParams },
    },
    async (request, reply) => {
      const { ifMatch } = conditions(request);
      await files.delete(grantOf(request), keyOf(request.params), ifMatch === undefined ? {} : { ifMatch }, callOf(reply));
      return reply.code(204).send();
    },
  );

  app.get(
    '/workspaces/:workspace/files/:kind/:id/metadata',
    {
      config: { action: 'read' },
      schema: { tags, summary: 'A file’s name, type and size', params: FileParams, response: { 200: answer(Entry) } },
    },
    async (request, reply) => entryJson(await files.entry(grantOf(request), keyOf(request.params), callOf(reply))),
  );

  app.patch(
    '/workspaces/:workspace/files/:kind/:id/metadata',
    {
      config: { action: 'append' },
      schema: {
        tags,
        summary: 'Changes a file’s name or type; null removes it',
        params: FileParams,
        body: Type.Object(
          { name: Type.Optional(Type.Union([FileName, Type.Null()])), mimeType: Type.Optional(Type.Union([MimeType, Type.Null()])) },
          exact,
        ),
        response: { 200: answer(Entry) },
      },
    },
    async (request, reply) => {
      const { name, mimeType } = request.body;
      const patch = { ...(name !== undefined && { name }), ...(mimeType !== undefined && { mimeType }) };
      return entryJson(await files.patch(grantOf(request), keyOf(request.params), patch, callOf(reply)));
    },
  );

  app.post(
    '/workspaces/:workspace/files/sweep',
    {
      config: { action: 'files.delete' },
      schema: {
        tags,
        summary: 'Tells which files no operation refers to, older than a grace; with `remove` they are removed',
        params: WorkspaceParams,
        body: Type.Object(
          {
            graceMs: Type.Optional(Type.Integer({ minimum: 0, description: 'Milliseconds since the last upload; 30 days if absent' })),
            remove: Type.Optional(Type.Boolean()),
          },
          exact,
        ),
        response: {
          200: answer(
            Type.Object({
              unused: Type.Integer(),
              unusedBytes: Type.Integer(),
              removed: Type.Integer(),
              removedBytes: Type.Integer(),
              keys: Type.Array(Type.String(), { description: 'The first hundred' }),
              records: Type.Integer({ description: 'Looked at' }),
            }),
          ),
        },
      },
    },
    async (request, reply) => {
      const { graceMs = defaultGraceMs, remove = false } = request.body;
      return await sweep.sweep(grantOf(request), { graceMs, remove }, callOf(reply));
    },
  );

  void app.register((uploads, _, done) => {
    uploads.removeAllContentTypeParsers();
    uploads.addContentTypeParser('*', (_request, payload, ready) => ready(null, payload)); // the stream itself: a file is never held in memory
    uploads.put(
      '/workspaces/:workspace/files/:kind/:id',
      {
        config: { action: 'append' },
        schema: {
          tags,
          summary: 'Stores a file, streamed; If-Match and If-None-Match make it conditional',
          params: FileParams,
          querystring: Type.Object({ name: Type.Optional(FileName) }, exact),
        },
      },
      async (request, reply) => {
        const { name } = request.query as { name?: string }; // routes inside a plugin have no inferred types
        const length = request.headers['content-length'];
        const mimeType = request.headers['content-type'];
        if (mimeType !== undefined && !/^[\x20-\x7e]{1,255}$/.test(mimeType))
          throw new StoreError('invalid', 'a content type is printable ASCII, at most 255');
        const { entry, info } = await files.put(
          grantOf(request),
          keyOf(request.params as { kind: 'static' | 'var'; id: string }),
          {
            body: request.raw,
            ...(length !== undefined && { sizeBytes: Number(length) }),
            ...(mimeType !== undefined && { mimeType }),
            ...(name !== undefined && { name }),
            ...conditions(request),
          },
          callOf(reply),
        );
        return reply.code(201).header('etag', entityTag(info.version)).send(entryJson(entry, info));
      },
    );
    done();
  });
}
