import swagger from '@fastify/swagger';
import scalar from '@scalar/fastify-api-reference';
import type { App } from './app-types.ts';

/** Collects the routes that follow into an OpenAPI document. */
export async function collectDocs(app: App): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Spacestore', version: '1', description: 'Operations, files and secrets of workspaces.' },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
      security: [{ token: [] }],
    },
  });
}

/** Shows that document at /docs. */
export async function docsPage(app: App): Promise<void> {
  await app.register(scalar, { routePrefix: '/docs' });
}
