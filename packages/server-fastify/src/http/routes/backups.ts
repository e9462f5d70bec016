import Type from 'typebox';
import type { Services } from '../../services.ts';
import { callOf } from '../abort-signal.ts';
import { type App, grantOf } from '../app-types.ts';
import { answer, exact, HeadBody, WorkspaceParams } from '../schemas.ts';

const tags = ['transfer'];
const Manifest = Type.Object({
  sequence: Type.Integer(),
  takenAt: Type.Integer({ description: 'Milliseconds since 1970' }),
  takenBy: Type.String(),
  snapshot: Type.Object({ sha256: Type.String(), sizeBytes: Type.Integer() }),
  log: Type.Object({
    incarnation: Type.String(),
    position: Type.Integer({ description: 'The backup has everything up to here' }),
    records: Type.Integer(),
    bytes: Type.Integer(),
  }),
  files: Type.Object({ files: Type.Integer(), fileBytes: Type.Integer() }),
  previous: Type.Optional(Type.String({ description: 'Digest of the manifest before' })),
});

/** Backups that the server keeps in its blob store. */
export function backupRoutes(app: App, { backups }: Services): void {
  app.post(
    '/workspaces/:workspace/backups',
    {
      config: { action: 'backup' },
      schema: {
        tags,
        summary: 'Keeps the workspace as it is now in the blob store; backups beyond the number kept are removed',
        params: WorkspaceParams,
        response: { 201: answer(Manifest) },
      },
    },
    async (request, reply) => reply.code(201).send(await backups.store(grantOf(request), callOf(reply))),
  );

  app.get(
    '/workspaces/:workspace/backups',
    {
      config: { action: 'backup' },
      schema: {
        tags,
        summary: 'Backups in the blob store, oldest first',
        params: WorkspaceParams,
        response: { 200: answer(Type.Object({ items: Type.Array(Manifest) })) },
      },
    },
    async (request, reply) => ({ items: await backups.list(grantOf(request), callOf(reply)) }),
  );

  app.post(
    '/workspaces/:workspace/backups/:sequence/restore',
    {
      config: { action: 'restore' },
      schema: {
        tags,
        summary: 'Replaces the workspace by a backup of the blob store, under a new history; `latest` is the newest',
        params: Type.Object({
          workspace: Type.String(),
          sequence: Type.Union([Type.Literal('latest'), Type.String({ pattern: '^[1-9][0-9]{0,14}$' })]),
        }),
        body: Type.Optional(Type.Union([Type.Object({}, exact), Type.Null()])),
        response: { 200: answer(HeadBody) },
      },
    },
    async (request, reply) => {
      const { sequence } = request.params;
      return await backups.restore(grantOf(request), sequence === 'latest' ? undefined : Number(sequence), callOf(reply));
    },
  );
}
