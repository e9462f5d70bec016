import { parseUserId, parseWorkspaceId, type Role, StoreError, systemClock } from '@spacestore/core';
import { type CommandDef, defineCommand } from 'citty';
import { issueToken } from '../../auth/issue-token.ts';
import { loadConfig } from '../../compose.ts';
import { composeIssuer } from '../../compose-auth.ts';
import { roles } from '../../permissions.ts';
import { checkDataFolder } from '../data-folder.ts';
import { fail, print } from '../output.ts';

const args = {
  user: { type: 'string', description: 'who the token speaks for', valueHint: 'name', required: true },
  expires: { type: 'string', description: 'how long it is good for: 90s, 15m, 12h, 30d (default 30d)', valueHint: 'time' },
  workspaces: { type: 'string', description: 'only these workspaces', valueHint: 'a,b' },
  role: { type: 'string', description: 'with at most this role’s rights: owner, admin, editor, viewer or backup', valueHint: 'role' },
  data: { type: 'string', description: 'data folder of the server (default ./data)', valueHint: 'folder' },
  config: { type: 'string', description: 'configuration file of the server', valueHint: 'file' },
  json: { type: 'boolean', description: 'print one JSON object', default: false },
} as const;

export const tokenCommand: CommandDef<typeof args> = defineCommand({
  meta: { name: 'token', description: 'Makes a token with the secret of the server’s configuration or data folder.' },
  args,
  run: async ({ args: given }) => {
    try {
      const config = { ...(await loadConfig(given.config)), ...(given.data !== undefined && { data: given.data }) };
      if (config.auth === undefined) await checkDataFolder(config);
      const issuer = await composeIssuer(config);
      if (!issuer) throw new StoreError('unsupported', 'this server trusts tokens of another issuer: get one there');
      const expiresInSeconds = parseSeconds(given.expires ?? '30d');
      const scopes = {
        ...(given.workspaces !== undefined && { workspaces: given.workspaces.split(',').map(parseWorkspaceId) }),
        ...(given.role !== undefined && { role: parseRole(given.role) }),
      };
      const token = await issueToken({ ...issuer, user: parseUserId(given.user), expiresInSeconds, scopes, clock: systemClock });
      print(given.json, { token, user: given.user, expiresInSeconds }, [token]);
    } catch (error) {
      fail(given.json, error);
    }
  },
});

const secondsOf: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function parseSeconds(text: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text);
  if (!match) throw new StoreError('invalid', '--expires takes a number with s, m, h or d: 90s, 15m, 12h, 30d');
  return Number(match[1]) * (secondsOf[match[2] as string] as number);
}

function parseRole(text: string): Role {
  if (roles.includes(text as Role)) return text as Role;
  throw new StoreError('invalid', `--role is one of ${roles.join(', ')}`);
}
