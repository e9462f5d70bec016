import Type from 'typebox';
import type { Services } from '../../services.ts';
import { callOf } from '../abort-signal.ts';
import { type App, grantOf } from '../app-types.ts';
import { parseVectorQuery, treeList, vectorPageJson } from '../query-json.ts';
import { answer, CursorText, exact, HeadBody, ListQuerystring, Next, VectorBody, WorkspaceParams } from '../schemas.ts';
import { listQuery } from './workspaces.ts';

const tags = ['operations'];
const Limit = Type.Integer({ minimum: 1, maximum: 100_000 });
const VectorAnswer = Type.Object({ vector: VectorBody, next: Type.Optional(Type.Unknown()), through: Type.Optional(Type.String()) });
const After = Type.String({ maxLength: 1024 });
const defaultRanges = 10_000;

/** What a log is, without its records. */
export function logRoutes(app: App, { operations }: Services): void {
  app.get(
    '/workspaces/:workspace/head',
    {
      config: { action: 'read' },
      schema: {
        tags,
        summary: 'Where the log is now, and which histories it continues',
        params: WorkspaceParams,
        response: { 200: answer(HeadBody) },
      },
    },
    async (request, reply) => await operations.head(grantOf(request), callOf(reply)),
  );

  app.get(
    '/workspaces/:workspace/trees',
    {
      config: { action: 'read' },
      schema: {
        tags,
        summary: 'Ids of the trees with records',
        params: WorkspaceParams,
        querystring: ListQuerystring,
        response: { 200: answer(Type.Object({ items: Type.Array(Type.String()), next: Type.Optional(Next) })) },
      },
    },
    async (request, reply) => await operations.trees(grantOf(request), listQuery(request.query, 1000), callOf(reply)),
  );

  app.get(
    '/workspaces/:workspace/vector',
    {
      config: { action: 'read' },
      schema: {
        tags,
        summary: 'Which records there are, as ranges of counters by tree and peer; paged',
        params: WorkspaceParams,
        querystring: Type.Object(
          {
            trees: Type.Optional(Type.String({ maxLength: 8000 })),
            through: Type.Optional(CursorText),
            after: Type.Optional(After),
            limit: Type.Optional(Limit),
          },
          exact,
        ),
        response: { 200: answer(VectorAnswer) },
      },
    },
    async (request, reply) => {
      const { trees, ...rest } = request.query;
      const listed = treeList(trees);
      const query = parseVectorQuery({ ...rest, ...(listed && { trees: listed }) }, defaultRanges);
      return vectorPageJson(await operations.vector(grantOf(request), query, callOf(reply)));
    },
  );

  app.post(
    '/workspaces/:workspace/vector/query',
    {
      config: { action: 'read' },
      schema: {
        tags,
        summary: 'As the get, for any number of trees',
        params: WorkspaceParams,
        body: Type.Object(
          {
            trees: Type.Optional(Type.Array(Type.String())),
            through: Type.Optional(CursorText),
            after: Type.Optional(After),
            limit: Type.Optional(Limit),
          },
          exact,
        ),
        response: { 200: answer(VectorAnswer) },
      },
    },
    async (request, reply) => {
      const query = parseVectorQuery(request.body, defaultRanges);
      return vectorPageJson(await operations.vector(grantOf(request), query, callOf(reply)));
    },
  );
}
