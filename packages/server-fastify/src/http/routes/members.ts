import { parseUserId } from '@spacestore/core';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import { callOf } from '../abort-signal.ts';
import { type App, grantOf } from '../app-types.ts';
import { answer, exact, ListQuerystring, Next, RoleName, WorkspaceParams } from '../schemas.ts';
import { listQuery } from './workspaces.ts';

const tags = ['members'];
const MemberParams = Type.Object({ workspace: Type.String(), user: Type.String() });
const IfRole = Type.Optional(Type.Union([RoleName, Type.Literal('none')]));
const Epoch = Type.Object({ epoch: Type.Integer() });

export function memberRoutes(app: App, { members }: Services): void {
  app.get(
    '/workspaces/:workspace/members',
    {
      config: { action: 'members.manage' },
      schema: {
        tags,
        summary: 'Lists members and their roles',
        params: WorkspaceParams,
        querystring: ListQuerystring,
        response: {
          200: answer(Type.Object({ items: Type.Array(Type.Object({ user: Type.String(), role: RoleName })), next: Type.Optional(Next) })),
        },
      },
    },
    async (request, reply) => await members.list(grantOf(request), listQuery(request.query), callOf(reply)),
  );

  app.put(
    '/workspaces/:workspace/members/:user',
    {
      config: { action: 'members.manage' },
      schema: {
        tags,
        summary: 'Gives a role below the caller’s own',
        params: MemberParams,
        body: Type.Object({ role: RoleName, ifRole: IfRole }, exact),
        response: { 200: answer(Epoch) },
      },
    },
    (request, reply) => {
      const { role, ifRole } = request.body;
      return members.set(grantOf(request), parseUserId(request.params.user), role, ifRole === undefined ? {} : { ifRole }, callOf(reply));
    },
  );

  app.delete(
    '/workspaces/:workspace/members/:user',
    {
      config: { action: 'members.manage' },
      schema: {
        tags,
        summary: 'Removes a member; their connections end and nothing of theirs is accepted any more',
        params: MemberParams,
        querystring: Type.Object({ ifRole: IfRole }, exact),
        response: { 200: answer(Epoch) },
      },
    },
    (request, reply) => {
      const { ifRole } = request.query;
      return members.set(
        grantOf(request),
        parseUserId(request.params.user),
        undefined,
        ifRole === undefined ? {} : { ifRole },
        callOf(reply),
      );
    },
  );

  app.post(
    '/workspaces/:workspace/transfer',
    {
      config: { action: 'transfer' },
      schema: {
        tags,
        summary: 'Makes another member the owner; the caller becomes an admin',
        params: WorkspaceParams,
        body: Type.Object({ to: Type.String() }, exact),
        response: { 200: answer(Epoch) },
      },
    },
    (request, reply) => members.transfer(grantOf(request), parseUserId(request.body.to), callOf(reply)),
  );
}
