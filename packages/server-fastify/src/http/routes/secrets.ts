import { parseSecretName } from '@spacestore/core';
import Type from 'typebox';
import type { Services } from '../../services.ts';
import { callOf } from '../abort-signal.ts';
import { type App, grantOf } from '../app-types.ts';
import { decodeBase64, encodeBase64 } from '../base64.ts';
import { answer, exact, ListQuerystring, Next, WorkspaceParams } from '../schemas.ts';
import { listQuery } from './workspaces.ts';

const tags = ['secrets'];
const SecretParams = Type.Object({ workspace: Type.String(), name: Type.String() });
const Version = Type.Object({ version: Type.Integer() });
const Value = Type.String({ description: 'base64' });
const IfVersion = Type.Integer({ minimum: 0, description: 'The version the caller saw, 0 for none' });
const WriteId = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'Made by the caller, one for each intent: a retry with it is harmless',
});

export function secretRoutes(app: App, { secrets }: Services): void {
  app.get(
    '/workspaces/:workspace/secrets',
    {
      config: { action: 'secrets.read' },
      schema: {
        tags,
        summary: 'Names of the secrets',
        params: WorkspaceParams,
        querystring: ListQuerystring,
        response: { 200: answer(Type.Object({ items: Type.Array(Type.String()), next: Type.Optional(Next) })) },
      },
    },
    async (request, reply) => await secrets.names(grantOf(request), listQuery(request.query, 1000), callOf(reply)),
  );

  app.get(
    '/workspaces/:workspace/secrets/:name',
    {
      config: { action: 'secrets.read' },
      schema: {
        tags,
        summary: 'A secret',
        params: SecretParams,
        response: { 200: answer(Type.Object({ value: Value, version: Type.Integer() })) },
      },
    },
    async (request, reply) => {
      const { value, version } = await secrets.get(grantOf(request), parseSecretName(request.params.name), callOf(reply));
      return { value: encodeBase64(value), version };
    },
  );

  app.put(
    '/workspaces/:workspace/secrets/:name',
    {
      config: { action: 'secrets.write' },
      schema: {
        tags,
        summary: 'Sets a secret, if it still has the version the caller saw',
        params: SecretParams,
        body: Type.Object({ value: Value, ifVersion: IfVersion, writeId: WriteId }, exact),
        response: { 200: answer(Version) },
      },
    },
    (request, reply) => {
      const { value, ifVersion, writeId } = request.body;
      const name = parseSecretName(request.params.name);
      return secrets.set(grantOf(request), name, decodeBase64(value), { ifVersion, writeId }, callOf(reply));
    },
  );

  app.delete(
    '/workspaces/:workspace/secrets/:name',
    {
      config: { action: 'secrets.write' },
      schema: {
        tags,
        summary: 'Deletes a secret, if it still has the version the caller saw',
        params: SecretParams,
        querystring: Type.Object({ ifVersion: IfVersion, writeId: WriteId }, exact),
        response: { 200: answer(Version) },
      },
    },
    (request, reply) => secrets.delete(grantOf(request), parseSecretName(request.params.name), request.query, callOf(reply)),
  );

  app.get(
    '/workspaces/:workspace/secret-values',
    {
      config: { action: 'secrets.read' },
      schema: {
        tags,
        summary: 'All secrets, of one moment',
        params: WorkspaceParams,
        response: {
          200: answer(Type.Object({ items: Type.Array(Type.Object({ name: Type.String(), value: Value, version: Type.Integer() })) })),
        },
      },
    },
    async (request, reply) => {
      const all = await secrets.getAll(grantOf(request), callOf(reply));
      return { items: all.map(({ name, value, version }) => ({ name, value: encodeBase64(value), version })) };
    },
  );

  app.put(
    '/workspaces/:workspace/secret-values',
    {
      config: { action: 'secrets.write' },
      schema: {
        tags,
        summary: 'Sets several secrets, all or none',
        params: WorkspaceParams,
        body: Type.Object(
          {
            entries: Type.Array(Type.Object({ name: Type.String(), value: Value, ifVersion: IfVersion }, exact), { maxItems: 1000 }),
            writeId: WriteId,
          },
          exact,
        ),
      },
    },
    async (request, reply) => {
      const entries = request.body.entries.map(({ name, value, ifVersion }) => ({
        name: parseSecretName(name),
        value: decodeBase64(value),
        ifVersion,
      }));
      await secrets.setAll(grantOf(request), entries, request.body.writeId, callOf(reply));
      return reply.code(204).send();
    },
  );
}
