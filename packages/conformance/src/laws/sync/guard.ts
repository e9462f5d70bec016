import type { Cursor } from '@spacestore/core';
import type { ClientMessage } from '@spacestore/core/sync';
import fc from 'fast-check';
import { holds, same, settle, show } from '../../check/expect.ts';
import type { Law } from '../../spec/law.ts';
import { hello, type RawClient, rawClient } from './raw-client.ts';
import { live, peer, recordsOf } from './scene.ts';

const group = 'guard';

const strangers: Law<'sync'> = {
  id: 'TR-08',
  kind: 'sync',
  group,
  title:
    'nothing is told before a good token, nothing of a workspace to who is not in it, and a refused token is not tried again and again',
  why: 'The socket is open to the world.',
  run: (context) =>
    context.example(async (run) => {
      const room = await context.room();
      const sync = room.store;
      const workspace = await sync.workspace('guarded');
      const writer = await sync.client({ user: 'ada', workspace, peers: [peer('a')], device: 'writer' });
      await writer.append(recordsOf('a', 0, 20));
      await writer.flush();
      const join: ClientMessage = { kind: 'join', request: 1, workspace, peers: [peer('x')], wish: 'write' };
      const sub: ClientMessage = { kind: 'sub', ws: 1, sub: 1, trees: null, cursor: null };
      const pull: ClientMessage = { kind: 'pull', ws: 1, sub: 1, after: null, through: null };
      const listen = async (what: string, allowed: readonly string[], say: (raw: RawClient) => Promise<void>): Promise<void> => {
        run.say(what);
        const raw = rawClient(await sync.connection());
        await settle(say(raw));
        for (let message = await raw.hear(400); message !== undefined; message = await raw.hear(400))
          holds(allowed.includes(message.kind), `${what}: was told ${message.kind}`);
        holds(!Buffer.from(raw.heard()).includes('a wrote'), `${what}: was given a body`);
        await raw.close();
      };
      const talk =
        (...messages: readonly ClientMessage[]) =>
        async (raw: RawClient): Promise<void> => {
          for (const message of messages) await raw.say(message);
        };
      await listen('joining without a greeting', ['bye'], talk(join, sub, pull));
      await listen('pulling without a greeting', ['bye'], talk(pull));
      for (const token of ['', 'nonsense', `${sync.token('ada')}x`, sync.token('ada').slice(0, -1)])
        await listen(`greeting with the token ${show(token.slice(0, 3))}…`, ['bye'], talk(hello(token), join, sub, pull));
      await listen(
        'a good token, and a workspace of others',
        ['welcome', 'refused', 'bye'],
        talk(hello(sync.token('eve')), join, sub, pull),
      );
      await listen(
        'a good token, and a workspace nobody has',
        ['welcome', 'refused', 'bye'],
        talk(hello(sync.token('eve')), { ...join, workspace: 'nobodys' as typeof workspace }),
      );
      await listen('a good token, and workspace numbers guessed', ['welcome', 'refused', 'bye', 'ping'], async (raw) => {
        await raw.say(hello(sync.token('eve')));
        for (let ws = 0; ws < 10; ws++) await talk({ ...sub, ws, sub: ws }, { ...pull, ws, sub: ws })(raw);
      });
      run.say('a client whose token is refused');
      const before = sync.connections();
      const refused = await sync.client({ user: 'ada', workspace, peers: [peer('b')], device: 'refused', token: 'nonsense' });
      await new Promise((resolve) => setTimeout(resolve, 500));
      const tries = sync.connections() - before;
      holds(tries <= 3, `a client with a refused token connected ${tries} times`);
      same(refused.received().length, 0, 'records a client with a refused token was given');
      await refused.close();
      run.say('a client of somebody who is in no workspace');
      const outside = await sync.client({ user: 'eve', workspace, peers: [peer('e')], device: 'outside' });
      await outside.append(recordsOf('e', 0, 3));
      await new Promise((resolve) => setTimeout(resolve, 200));
      same(outside.received().length, 0, 'records somebody outside was given');
      same(outside.status().pending + outside.status().quarantined, 3, 'edits of somebody outside, kept on the device');
      await outside.close();
      same((await sync.log(workspace)).length, 20, 'records on the server, after all that');
      await live(writer);
      await writer.close();
    }),
};

/** Ways to spoil a cursor: each is no place of this history. */
const spoil = (cursor: string, how: number, at: number, foreign: string): string => {
  const flip = (text: string, i: number): string => `${text.slice(0, i)}${text[i] === '0' ? '1' : '0'}${text.slice(i + 1)}`;
  const [incarnation, position, chain] = cursor.split('.') as [string, string, string];
  switch (how) {
    case 0:
      return `${flip(incarnation, at % 16)}.${position}.${chain}`;
    case 1:
      return `${incarnation}.${position}.${flip(chain, at % 16)}`;
    case 2:
      return `${incarnation}.${Number(position) + 1 + (at % 50)}.${chain}`;
    case 3:
      return `${incarnation}.${Math.max(0, Number(position) - 1 - (at % 5))}.${chain}`;
    default:
      return foreign;
  }
};

const cursors: Law<'sync'> = {
  id: 'TR-17',
  kind: 'sync',
  group,
  title: 'a cursor that is not a place of this history is refused as stale, never read from somewhere near',
  why: 'A reader that resumes beside its place misses edits for ever and does not know it.',
  floors: { 'spoiled cursors sent': { count: 15 } },
  run: async (context) => {
    const room = await context.room();
    const sync = room.store;
    const [workspace, other] = [await sync.workspace('places'), await sync.workspace('elsewhere')];
    for (const [at, name] of [
      [workspace, 'a'],
      [other, 'b'],
    ] as const) {
      const writer = await sync.client({ user: 'ada', workspace: at, peers: [peer(name)], device: `writer-${name}` });
      for (let i = 0; i < 3; i++) await writer.append(recordsOf(name, i * 4, 4));
      await writer.flush();
      await writer.close();
    }
    const greet = async (): Promise<RawClient> => {
      const raw = rawClient(await sync.connection());
      await raw.say(hello(sync.token('bob')));
      holds((await raw.hearOf('welcome', 'bye'))?.kind === 'welcome', 'a good token is not welcome');
      return raw;
    };
    const join = async (raw: RawClient, at: typeof workspace): Promise<{ readonly ws: number; readonly cursor: Cursor }> => {
      await raw.say({ kind: 'join', request: 1, workspace: at, peers: [peer('r')], wish: 'read' });
      const joined = await raw.hearOf('joined', 'refused', 'bye');
      holds(joined?.kind === 'joined' && joined.head !== null, `joining was answered by ${joined?.kind}`);
      return { ws: joined.ws, cursor: joined.head.cursor };
    };
    await context.check(
      fc.record({ how: fc.nat(4), at: fc.nat(99), pulling: fc.boolean() }),
      async ({ how, at, pulling }, run) => {
        const raw = await greet();
        const { ws, cursor } = await join(raw, workspace);
        const foreign = (await join(raw, other)).cursor;
        const bad = spoil(cursor, how, at, foreign) as Cursor;
        if (bad === cursor) return;
        run.say(`the head is ${cursor}; ${pulling ? 'pull' : 'subscribe'} after ${bad}`);
        run.count('spoiled cursors sent');
        await raw.say({ kind: 'sub', ws, sub: 1, trees: null, cursor: pulling ? null : bad });
        if (pulling) await raw.say({ kind: 'pull', ws, sub: 1, after: bad, through: null });
        const answer = await raw.hearOf('page', 'refused', 'ops-down', 'bye', ...(pulling ? [] : (['lag'] as const)));
        if (answer?.kind === 'lag') {
          // The server looks at a cursor when it is read from: then it must see it.
          await raw.say({ kind: 'pull', ws, sub: 1, after: bad, through: null });
          const page = await raw.hearOf('page', 'refused', 'ops-down', 'bye');
          same(page?.kind === 'refused' ? page.code : page?.kind, 'stale_cursor', 'the answer to a pull');
        } else same(answer?.kind === 'refused' ? answer.code : answer?.kind, 'stale_cursor', 'the answer');
        await raw.close();
      },
      { runs: 25 },
    );
    await context.example(async (run) => {
      for (const bad of ['', 'x', '../..', '0.0.0', `${'0'.repeat(16)}.-1.${'0'.repeat(16)}`, 'x'.repeat(5000)]) {
        const raw = await greet();
        const { ws } = await join(raw, workspace);
        run.say(`subscribe after ${show(bad.slice(0, 30))}`);
        await raw.say({ kind: 'sub', ws, sub: 1, trees: null, cursor: bad as Cursor });
        const answer = await raw.hearOf('page', 'refused', 'ops-down', 'lag', 'bye');
        holds(
          answer?.kind === 'refused' || answer?.kind === 'bye' || answer === undefined,
          `what is no cursor was answered by ${answer?.kind}`,
        );
        await raw.close();
      }
      run.say('and the head itself, afterwards');
      const raw = await greet();
      const { ws, cursor } = await join(raw, workspace);
      await raw.say({ kind: 'sub', ws, sub: 1, trees: null, cursor });
      await raw.say({ kind: 'pull', ws, sub: 1, after: cursor, through: null });
      const page = await raw.hearOf('page', 'refused', 'bye');
      holds(page?.kind === 'page' && page.records.length === 0, `pulling from the head was answered by ${page?.kind}`);
      await raw.close();
    });
  },
};

export const guardLaws: readonly Law<'sync'>[] = [strangers, cursors];
