import Type from 'typebox';
import type { Services } from '../../services.ts';
import { callOf } from '../abort-signal.ts';
import { type App, grantOf } from '../app-types.ts';
import { answer, ListQuerystring, Next, WorkspaceParams } from '../schemas.ts';
import { listQuery } from './workspaces.ts';

const tags = ['audit'];
const Row = Type.Object({
  sequence: Type.Integer(),
  at: Type.Integer(),
  hash: Type.String(),
  workspace: Type.Optional(Type.String()),
  user: Type.Optional(Type.String()),
  action: Type.String(),
  outcome: Type.String(),
  detail: Type.Record(Type.String(), Type.Unknown()),
});

export function auditRoutes(app: App, { audit, usage }: Services): void {
  app.get(
    '/workspaces/:workspace/audit',
    {
      config: { action: 'audit.read' },
      schema: {
        tags,
        summary: 'Who did what and who was refused, newest last',
        params: WorkspaceParams,
        querystring: ListQuerystring,
        response: { 200: answer(Type.Object({ items: Type.Array(Row), next: Type.Optional(Next) })) },
      },
    },
    async (request, reply) => await audit.page(grantOf(request), listQuery(request.query), callOf(reply)),
  );

  app.get(
    '/workspaces/:workspace/audit/verify',
    {
      config: { action: 'audit.read' },
      schema: {
        tags,
        summary: 'Whether the audit was changed afterwards',
        params: WorkspaceParams,
        response: { 200: answer(Type.Object({ intact: Type.Boolean(), brokenAt: Type.Optional(Type.Integer()) })) },
      },
    },
    async (request, reply) => {
      const brokenAt = await audit.verify(grantOf(request), callOf(reply));
      return brokenAt === undefined ? { intact: true } : { intact: false, brokenAt };
    },
  );

  app.get(
    '/workspaces/:workspace/usage',
    {
      config: { action: 'usage.read' },
      schema: { tags: ['workspaces'], summary: 'What the workspace uses and may use', params: WorkspaceParams },
    },
    (request, reply) => usage.get(grantOf(request), callOf(reply)),
  );
}
