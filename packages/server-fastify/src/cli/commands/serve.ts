import { parseUserId, systemClock } from '@spacestore/core';
import { type CommandDef, defineCommand } from 'citty';
import closeWithGrace from 'close-with-grace';
import { issueToken } from '../../auth/issue-token.ts';
import { composeServer, loadConfig } from '../../compose.ts';
import { composeIssuer } from '../../compose-auth.ts';
import type { Config } from '../../config/config.ts';
import { listenFailure } from '../listen-failure.ts';
import { fail } from '../output.ts';

const args = {
  port: { type: 'string', description: 'port to listen on, 0 for any free one (default 8787)', valueHint: 'number' },
  host: { type: 'string', description: 'address to listen on (default 127.0.0.1, this machine alone)', valueHint: 'address' },
  data: { type: 'string', description: 'folder for everything that is kept (default ./data)', valueHint: 'folder' },
  config: { type: 'string', description: 'configuration file, YAML or JSON', valueHint: 'file' },
  insecure: { type: 'boolean', description: 'listen beyond this machine without TLS', default: false },
  user: {
    type: 'string',
    description: 'user of the token that is printed when there is no configuration file (default me)',
    valueHint: 'name',
  },
  json: { type: 'boolean', description: 'print one JSON object', default: false },
} as const;

/** Runs a server until SIGTERM or SIGINT, then lets what was begun end: exit 0 within ten seconds. */
export const serveCommand: CommandDef<typeof args> = defineCommand({
  meta: {
    name: 'serve',
    description: 'Runs the server. Without a configuration file: SQLite and a folder under --data, this machine alone.',
  },
  args,
  run: async ({ args: given }) => {
    try {
      const config = withArgs(await loadConfig(given.config), given);
      const server = await composeServer(config);
      const grace = closeWithGrace({ delay: 10_000, logger: false }, async ({ err }) => {
        if (err) process.stderr.write(`spacestore: stopping after an unexpected failure (${err.name})\n`);
        await server.close();
      });
      try {
        await server.listen({ port: config.port ?? 8787, ...(config.host !== undefined && { host: config.host }) });
      } catch (error) {
        grace.uninstall();
        await server.close();
        throw listenFailure(error);
      }
      const address = server.address() ?? '';
      const token = given.config === undefined ? await firstToken(config, given.user ?? 'me') : undefined;
      process.stdout.write(given.json ? `${JSON.stringify({ address, ...(token && { token }) })}\n` : greeting(address, token));
    } catch (error) {
      fail(given.json, error);
    }
  },
});

interface Given {
  readonly port?: string | undefined;
  readonly host?: string | undefined;
  readonly data?: string | undefined;
  readonly insecure?: boolean | undefined;
}

/** What the command line says wins over the file. */
function withArgs(config: Config, { port, host, data, insecure }: Given): Config {
  return {
    ...config,
    ...(port !== undefined && { port: parsePort(port) }),
    ...(host !== undefined && { host }),
    ...(data !== undefined && { data }),
    ...(insecure === true && { insecure }),
  };
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port;
  throw new Error(`--port takes a number from 0 to 65535, not ${JSON.stringify(text)}`);
}

/** A token for trying things out. With a configuration file none is printed: the output of a server in earnest ends up in logs. */
async function firstToken(config: Config, user: string): Promise<string | undefined> {
  const issuer = await composeIssuer(config);
  return issuer && issueToken({ ...issuer, user: parseUserId(user), expiresInSeconds: 30 * 24 * 3600, clock: systemClock });
}

function greeting(address: string, token: string | undefined): string {
  const lines = [`Spacestore listens on ${address}`, `  API: ${address}/docs`];
  if (token !== undefined)
    lines.push(
      '',
      'A token for you, good for 30 days (spacestore token makes others):',
      `  export SPACESTORE_TOKEN=${token}`,
      '',
      'Try it:',
      `  curl -H "Authorization: Bearer $SPACESTORE_TOKEN" -H 'Content-Type: application/json' \\`,
      `    -d '{"id":"hello"}' ${address}/v1/workspaces`,
    );
  return `${lines.join('\n')}\n`;
}
