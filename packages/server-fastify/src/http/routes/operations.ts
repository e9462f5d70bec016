import { type OpRecord, parsePeerId, type ReadPage, StoreError } from '@spacestore/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { Limits } from '../../limits.ts';
import { linesOf } from '../../service/lines.ts';
import type { Services } from '../../services.ts';
import { callOf } from '../abort-signal.ts';
import { type App, grantOf } from '../app-types.ts';
import { parseReadQuery, readQueryJson, treeList } from '../query-json.ts';
import { recordFromJson, recordToJson } from '../record-json.ts';
import { answer, CursorText, exact, RecordInput, RecordOutput, VectorBody, WorkspaceParams } from '../schemas.ts';
import { appendStream } from './append-stream.ts';

const tags = ['operations'];
const Time = Type.Integer({ minimum: 0, description: 'Milliseconds since 1970' });
const Limit = Type.Integer({ minimum: 1, maximum: 100_000 });
const queryFields = {
  after: Type.Optional(CursorText),
  through: Type.Optional(CursorText),
  receivedFrom: Type.Optional(Time),
  receivedBefore: Type.Optional(Time),
  limit: Type.Optional(Limit),
  limitBytes: Type.Optional(Type.Integer({ minimum: 0 })),
};
const QueryBody = Type.Object(
  { ...queryFields, trees: Type.Optional(Type.Array(Type.String())), missing: Type.Optional(VectorBody) },
  exact,
);
const PageBody = Type.Object({
  records: Type.Array(RecordOutput),
  next: Type.Optional(Type.Unknown({ description: 'The body of the query that continues this one' })),
  through: Type.Optional(Type.String()),
});
const AppendedBody = Type.Object({ added: Type.Integer(), committedAt: Type.Integer(), through: Type.Optional(Type.String()) });
const defaultPage = 1000;

function pageJson(request: FastifyRequest, { records, next, through }: ReadPage): object {
  const { codec } = grantOf(request).entry;
  return {
    records: records.map((record) => recordToJson(codec, record)),
    ...(next && { next: readQueryJson(next) }),
    ...(through !== undefined && { through }),
  };
}

export function operationRoutes(app: App, { operations }: Services, limits: Limits): void {
  app.post(
    '/workspaces/:workspace/operations',
    {
      config: { action: 'append' },
      schema: {
        tags,
        summary: 'Appends records, all or none. `peers` declares peer ids as the caller’s own.',
        params: WorkspaceParams,
        body: Type.Object(
          {
            records: Type.Array(Type.Unsafe<unknown>(RecordInput)),
            peers: Type.Optional(Type.Array(Type.String(), { maxItems: 1000 })),
          },
          exact,
        ),
        response: { 200: answer(AppendedBody) },
      },
      attachValidation: false,
    },
    async (request, reply) => {
      const grant = grantOf(request);
      const call = callOf(reply);
      const { records, peers } = request.body;
      if (records.length > limits.callRecords) throw tooMany(records.length, limits);
      const parsed: OpRecord[] = records.map((json, index) => recordFromJson(grant.entry.codec, json, index));
      if (peers) await operations.declarePeers(grant, peers.map(parsePeerId), call);
      const { added, committedAt, through } = await operations.append(grant, parsed, {}, call);
      return { added, committedAt, ...(through !== undefined && { through }) };
    },
  );

  app.get(
    '/workspaces/:workspace/operations',
    {
      config: { action: 'read' },
      schema: {
        tags,
        summary: 'Reads records in commit order: after a cursor, of some trees (`a,b`), received in a time range',
        params: WorkspaceParams,
        querystring: Type.Object({ ...queryFields, trees: Type.Optional(Type.String({ maxLength: 8000 })) }, exact),
        response: { 200: answer(PageBody) },
      },
    },
    async (request, reply) => {
      const { trees, ...rest } = request.query;
      const listed = treeList(trees);
      const query = parseReadQuery({ ...rest, ...(listed && { trees: listed }) }, defaultPage);
      return pageJson(request, await operations.read(grantOf(request), query, callOf(reply)));
    },
  );

  app.post(
    '/workspaces/:workspace/operations/query',
    {
      config: { action: 'read' },
      schema: {
        tags,
        summary: 'As the get, with all a query may have: many trees, and `missing`, a state vector of what the caller has already',
        params: WorkspaceParams,
        body: QueryBody,
        response: { 200: answer(PageBody) },
      },
    },
    async (request, reply) => {
      const query = parseReadQuery(request.body, defaultPage);
      return pageJson(request, await operations.read(grantOf(request), query, callOf(reply)));
    },
  );

  void app.register((lines, _, done) => {
    lines.removeAllContentTypeParsers();
    lines.addContentTypeParser('application/x-ndjson', (_request, payload, ready) => ready(null, payload));
    lines.post(
      '/workspaces/:workspace/operations/stream',
      {
        config: { action: 'append' },
        schema: {
          tags,
          summary: 'Appends records from lines of JSON, in calls of the largest size allowed: each call is all or none, the stream is not',
          params: WorkspaceParams,
        },
      },
      (request: FastifyRequest, reply: FastifyReply) =>
        appendStream(operations, grantOf(request), linesOf(request.raw, limits.lineBytes), limits, callOf(reply)),
    );
    done();
  });
}

function tooMany(records: number, limits: Limits): StoreError {
  return new StoreError('too_large', 'too many records in one call: split it', { context: { records, maxRecords: limits.callRecords } });
}
