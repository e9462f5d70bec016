import { randomBytes } from 'node:crypto';
import { type ListQuery, parseWorkspaceId, StoreError, type WorkspaceEntry, type WorkspaceSettings } from '@spacestore/core';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import { callOf } from '../abort-signal.ts';
import { type App, grantOf, identityOf } from '../app-types.ts';
import { answer, exact, ListQuerystring, Next, RoleName, Settings, WorkspaceParams } from '../schemas.ts';

const tags = ['workspaces'];
const Workspace = Type.Object({
  id: Type.String(),
  name: Type.String(),
  owner: Type.String(),
  codec: Type.String(),
  settings: Settings,
  epoch: Type.Integer(),
  createdAt: Type.Integer(),
  role: Type.Optional(RoleName),
});
const Name = Type.String({ minLength: 1, maxLength: 200 });
const maxAppBytes = 64 * 1024;

/** What members see of a workspace: where its files lie is the server's own matter. */
function publicEntry({ id, name, owner, codec, settings, epoch, createdAt }: WorkspaceEntry): object {
  return { id, name, owner, codec, settings, epoch, createdAt };
}

export function listQuery(query: { after?: string; limit?: number }, defaultLimit = 100): ListQuery {
  return { limit: query.limit ?? defaultLimit, ...(query.after !== undefined && { after: query.after }) };
}

function mergedSettings(
  given: { relay?: boolean; app?: Record<string, unknown> } | undefined,
  present?: WorkspaceSettings,
): WorkspaceSettings {
  const app = given?.app ?? present?.app ?? {};
  const bytes = Buffer.byteLength(JSON.stringify(app));
  if (bytes > maxAppBytes) throw new StoreError('too_large', 'settings.app is too large', { context: { bytes, maxBytes: maxAppBytes } });
  return { relay: given?.relay ?? present?.relay ?? true, app };
}

export function workspaceRoutes(app: App, { workspaces }: Services): void {
  app.post(
    '/workspaces',
    {
      config: { action: 'authenticated' },
      schema: {
        tags,
        summary: 'Creates a workspace; its owner is the caller. Making it again changes nothing.',
        body: Type.Object(
          {
            id: Type.Optional(Type.String()),
            name: Type.Optional(Name),
            codec: Type.Optional(Type.Union([Type.Literal('reptree-1'), Type.Literal('opaque')])),
            settings: Type.Optional(Settings),
          },
          exact,
        ),
        response: { 201: answer(Workspace) },
      },
    },
    async (request, reply) => {
      const { body } = request;
      const id = parseWorkspaceId(body.id ?? `w${randomBytes(10).toString('hex')}`);
      const settings = mergedSettings(body.settings);
      const entry = await workspaces.create(
        identityOf(request),
        { id, name: body.name ?? id, codec: body.codec ?? 'reptree-1', settings },
        callOf(reply),
      );
      return reply.code(201).send({ ...publicEntry(entry), role: 'owner' });
    },
  );

  app.get(
    '/workspaces',
    {
      config: { action: 'authenticated' },
      schema: {
        tags,
        summary: 'Lists the workspaces the caller is a member of',
        querystring: ListQuerystring,
        response: { 200: answer(Type.Object({ items: Type.Array(Workspace), next: Type.Optional(Next) })) },
      },
    },
    async (request, reply) => {
      const page = await workspaces.list(identityOf(request), listQuery(request.query), callOf(reply));
      return { ...page, items: page.items.map(publicEntry) };
    },
  );

  app.get(
    '/workspaces/:workspace',
    {
      config: { action: 'read' },
      schema: { tags, summary: 'A workspace and the caller’s role', params: WorkspaceParams, response: { 200: answer(Workspace) } },
    },
    (request) => {
      const { entry, role } = grantOf(request);
      return Promise.resolve({ ...publicEntry(entry), role });
    },
  );

  app.patch(
    '/workspaces/:workspace',
    {
      config: { action: 'settings.change' },
      schema: {
        tags,
        summary: 'Changes the name or settings; what is not named stays',
        params: WorkspaceParams,
        body: Type.Object({ name: Type.Optional(Name), settings: Type.Optional(Settings) }, exact),
        response: { 200: answer(Workspace) },
      },
    },
    async (request, reply) => {
      const grant = grantOf(request);
      const { name, settings } = request.body;
      const patch = { ...(name !== undefined && { name }), ...(settings && { settings: mergedSettings(settings, grant.entry.settings) }) };
      return { ...publicEntry(await workspaces.update(grant, patch, callOf(reply))), role: grant.role };
    },
  );

  app.delete(
    '/workspaces/:workspace',
    {
      config: { action: 'workspace.delete' },
      schema: { tags, summary: 'Removes a workspace with its operations, files and secrets', params: WorkspaceParams },
    },
    async (request, reply) => {
      await workspaces.delete(grantOf(request));
      return reply.code(204).send();
    },
  );
}
