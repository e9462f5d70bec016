import { text } from 'node:stream/consumers';
import { type CodecName, StoreError } from '@spacestore/core';
import { environmentToken } from '../compose-environment.ts';
import { folderTarget } from './folder-target.ts';
import { readIn } from './read-in.ts';
import { serverTarget } from './server-target.ts';
import type { Target } from './target.ts';

/** Arguments of every command that works on a server or a folder. */
export const targetArgs = {
  url: { type: 'string', description: 'work through the server that runs at this address', valueHint: 'http://127.0.0.1:8787' },
  token: { type: 'string', description: 'token for that server (default: the environment variable SPACESTORE_TOKEN)', valueHint: 'token' },
  'token-file': { type: 'string', description: 'file that holds the token', valueHint: 'file' },
  data: {
    type: 'string',
    description: 'work on this data folder (default ./data); to change anything in it no server may run on it',
    valueHint: 'folder',
  },
  config: { type: 'string', description: 'configuration file of the server', valueHint: 'file' },
  json: { type: 'boolean', description: 'print one JSON object', default: false },
} as const;

/** Arguments of commands that may make the workspace they write to. */
export const createArgs = {
  create: { type: 'boolean', description: 'make the workspace if it is not there', default: false },
  codec: { type: 'string', description: 'reptree-1 or opaque, for a workspace that is made', default: 'reptree-1' },
  owner: {
    type: 'string',
    description: 'owner of a workspace that is made in a folder (default me); through a server it is the token’s user',
    valueHint: 'name',
  },
} as const;

export interface TargetArgs {
  readonly url?: string | undefined;
  readonly token?: string | undefined;
  readonly 'token-file'?: string | undefined;
  readonly data?: string | undefined;
  readonly config?: string | undefined;
  readonly owner?: string | undefined;
  readonly create?: boolean | undefined;
}

/** `change` holds the folder; without it a server may run beside. Throws: invalid, busy. */
export async function openTarget(args: TargetArgs, change: boolean): Promise<Target> {
  if (args.url === undefined) return folderTarget({ ...pick(args), change });
  if (args.data !== undefined || args.config !== undefined)
    throw new StoreError('invalid', 'give either --url, to go through a server, or --data or --config, to work on a folder');
  if (args.owner !== undefined)
    throw new StoreError('invalid', 'through a server, a workspace that is made belongs to the user of the token: leave out --owner');
  const file = args['token-file'];
  const token = args.token ?? (file === undefined ? environmentToken() : await tokenIn(file));
  if (!token) throw new StoreError('unauthenticated', 'a server wants a token');
  if (!/^https?:$/.test(URL.parse(args.url)?.protocol ?? ''))
    throw new StoreError('invalid', `--url is an address like http://127.0.0.1:8787, not ${JSON.stringify(args.url)}`);
  return serverTarget(args.url, token);
}

async function tokenIn(file: string): Promise<string> {
  const { bytes } = await readIn(file);
  return (await text(bytes)).trim();
}

function pick({ data, config, owner, create }: TargetArgs): { data?: string; config?: string; owner?: string; create: boolean } {
  return {
    ...(data !== undefined && { data }),
    ...(config !== undefined && { config }),
    ...(owner !== undefined && { owner }),
    create: create === true,
  };
}

/** Throws: invalid. A misspelt codec must not be the other one. */
export function parseCodec(text: string): CodecName {
  if (text === 'reptree-1' || text === 'opaque') return text;
  throw new StoreError('invalid', '--codec is reptree-1 or opaque');
}

/** Opens the target, works, and closes it whatever happens. */
export async function withTarget<Value>(args: TargetArgs, change: boolean, work: (target: Target) => Promise<Value>): Promise<Value> {
  const target = await openTarget(args, change);
  try {
    return await work(target);
  } finally {
    await target.close();
  }
}
