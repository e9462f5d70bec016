import { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import { callOf } from '../abort-signal.ts';
import { type App, grantOf } from '../app-types.ts';
import { treeList } from '../query-json.ts';
import { answer, exact, HeadBody, WorkspaceParams } from '../schemas.ts';

const tags = ['transfer'];

function lengthOf(request: FastifyRequest): { sizeBytes?: number } {
  const length = request.headers['content-length'];
  return length === undefined ? {} : { sizeBytes: Number(length) };
}

/** Whole workspaces in and out, streamed. */
export function transferRoutes(app: App, { transfer, backup }: Services): void {
  app.get(
    '/workspaces/:workspace/export',
    {
      config: { action: 'export' },
      schema: {
        tags,
        summary: 'All operations of one moment, one JSON object a line, in commit order',
        params: WorkspaceParams,
        querystring: Type.Object({ trees: Type.Optional(Type.String({ maxLength: 8000 })) }, exact),
      },
    },
    async (request, reply) => {
      const lines = await transfer.export(grantOf(request), treeList(request.query.trees), callOf(reply));
      return reply.type('application/x-ndjson').send(Readable.from(lines, { objectMode: false }));
    },
  );

  app.get(
    '/workspaces/:workspace/backup',
    {
      config: { action: 'backup' },
      schema: { tags, summary: 'The workspace as bytes, a consistent state of one moment', params: WorkspaceParams },
    },
    async (request, reply) => {
      const grant = grantOf(request);
      const source = await backup.take(grant, callOf(reply));
      if (source.sizeBytes !== undefined) void reply.header('content-length', source.sizeBytes);
      void reply.header('content-disposition', `attachment; filename="${grant.workspace}.backup"`);
      return reply.type('application/octet-stream').send(Readable.from(source.open(), { objectMode: false }));
    },
  );

  void app.register((uploads, _, done) => {
    uploads.removeAllContentTypeParsers();
    uploads.addContentTypeParser('*', (_request, payload, ready) => ready(null, payload));
    uploads.post(
      '/workspaces/:workspace/import',
      {
        config: { action: 'import' },
        schema: {
          tags,
          summary:
            'Adds operations from lines of JSON, plain or gzip. Conflicts and bad lines are reported and counted; the others are stored.',
          params: WorkspaceParams,
        },
      },
      (request, reply) => transfer.import(grantOf(request), request.raw, callOf(reply)),
    );
    uploads.post(
      '/workspaces/:workspace/restore',
      {
        config: { action: 'restore' },
        schema: {
          tags,
          summary: 'Replaces the workspace by a backup of it, under a new history',
          params: WorkspaceParams,
          response: { 200: answer(HeadBody) },
        },
      },
      async (request, reply) => await backup.restore(grantOf(request), { body: request.raw, ...lengthOf(request) }, callOf(reply)),
    );
    done();
  });
}
