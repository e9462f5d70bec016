import {
  type AppendResult,
  type Cursor,
  encodeCursor,
  parsePeerId,
  parseTreeId,
  parseUserId,
  parseWorkspaceId,
  StoreError,
} from '@spacestore/core';
import {
  type ClientMessage,
  type FedGroup,
  newServerSession,
  type ServerEffect,
  type ServerEvent,
  type ServerMessage,
  type ServerSessionOptions,
  stepServerSession,
} from '@spacestore/core/sync';
import { describe, expect, it } from 'vitest';

const options: ServerSessionOptions = {
  connection: 'me',
  limits: {
    maxFrameBytes: 1 << 20,
    maxCallRecords: 1000,
    maxBodyBytes: 1 << 20,
    maxCounterJump: 1000,
    maxPeers: 10,
    presenceKeys: 2,
    presenceBytes: 100,
    heartbeatMs: 10_000,
    pageBytes: 1000,
  },
  compress: [],
  handshakeMs: 5000,
  handshakeBytes: 4096,
  maxWorkspaces: 2,
  bufferBytes: 1000,
  stalledMs: 30_000,
};
const ws = 7;
const at = (position: number): Cursor =>
  encodeCursor({ incarnation: 'a'.repeat(16), position, chain: position.toString(16).padStart(16, '0') });
const tree = parseTreeId('t');

type Timeless<Event> = Event extends unknown ? Omit<Event, 'now'> : never;

/** A session in a workspace that has told up to position 10, and what it did since. */
function joinedSession(results = false) {
  const session = newServerSession(options, 0);
  let effects: ServerEffect[] = [];
  const dispatch = (event: Timeless<ServerEvent>): void =>
    stepServerSession(session, { ...event, now: 0 } as ServerEvent, (effect) => effects.push(effect));
  const send = (message: ClientMessage, bytes = 50): void => dispatch({ kind: 'message', message, bytes });
  /** In short: messages by kind, groups by their position, frames as `page`. */
  const did = (): string[] => {
    const told = effects.flatMap((effect): string[] => {
      if (effect.kind === 'send') return [shortOf(effect.message)];
      if (effect.kind === 'send-group') return [`ops ${effect.group.position}`];
      if (effect.kind === 'send-frame') return ['page'];
      return [];
    });
    effects = [];
    return told;
  };
  /** The messages since then, whole. */
  const told = (): readonly ServerMessage[] => {
    const messages = effects.flatMap((effect) => (effect.kind === 'send' ? [effect.message] : []));
    effects = [];
    return messages;
  };
  send({ kind: 'hello', versions: [1], token: 'x', client: 'c', compress: [] });
  dispatch({ kind: 'verified', user: parseUserId('ada'), expiresAt: null });
  send({ kind: 'join', request: 1, workspace: parseWorkspaceId('w'), peers: [], wish: 'write', results });
  const joined = (request: number): void =>
    dispatch({
      kind: 'joined',
      request,
      workspace: parseWorkspaceId('w'),
      ws,
      role: 'editor',
      codec: 'opaque',
      relay: true,
      taken: [],
      head: null,
      position: 10,
      cursor: at(10),
    });
  joined(1);
  expect(did()).toEqual(['welcome', 'joined']);
  const read = (): number => (effects.find((effect) => effect.kind === 'read') as { readonly pull: number }).pull;
  return {
    dispatch,
    send,
    joined,
    did,
    told,
    sub: (sub: number, cursor: Cursor | null, trees: readonly (typeof tree)[] | null = null) =>
      send({ kind: 'sub', ws, sub, trees, cursor }),
    /** Asks for a page; answers with what finishes it. */
    pull: (sub: number) => {
      send({ kind: 'pull', ws, sub, after: null, through: null });
      const pull = read();
      did();
      return (through: number, more = false): void => {
        dispatch({ kind: 'read', pull, records: [], next: more ? at(through - 1) : null, through: at(through) });
        dispatch({ kind: 'packed', pull, frame: new Uint8Array(1), buffered: 0 });
      };
    },
    group: (position: number, { bytes = 10, buffered = 0 } = {}) =>
      dispatch({ kind: 'group', ws, group: groupAt(position, bytes), buffered }),
  };
}

function shortOf(message: ServerMessage): string {
  switch (message.kind) {
    case 'ack':
      return `ack ${message.batch}${message.cursor === null ? '' : ` ${message.cursor.split('.')[1]}`}`;
    case 'nack':
      return `nack ${message.batch} ${message.code}`;
    case 'lag':
      return `lag ${message.sub}`;
    case 'refused':
      return `refused ${message.of} ${message.code}`;
    case 'bye':
      return `bye ${message.code}`;
    default:
      return message.kind;
  }
}

function groupAt(position: number, bytes: number): FedGroup {
  const record = { tree, peer: parsePeerId('p'), counter: position, body: new Uint8Array(1) };
  const entries = [{ firstPosition: position, records: [record], block: undefined, author: 'other' }];
  return { position, cursor: at(position), bytes, entries, frames: new Map() };
}

describe('a joining', () => {
  it('that was overtaken by a later one of the same workspace does not end that', () => {
    const { send, joined, sub, did, group } = joinedSession();
    for (const request of [2, 3]) send({ kind: 'join', request, workspace: parseWorkspaceId('w'), peers: [], wish: 'write' });
    joined(3);
    sub(1, at(10));
    joined(2);
    expect(did()).toEqual(['joined', 'refused join conflict']);
    group(11);
    expect(did()).toEqual(['ops 11']);
  });
});

describe('a subscription', () => {
  it('is fed at once at the place told of, elsewhere it has to pull', () => {
    const { sub, did, group } = joinedSession();
    sub(1, at(10));
    expect(did()).toEqual([]);
    sub(2, at(9));
    expect(did()).toEqual(['lag 2']);
    group(11);
    expect(did()).toEqual(['ops 11']);
  });

  it('joins fed ones only from a place they were fed at', () => {
    const { sub, did, group } = joinedSession();
    sub(1, at(10));
    group(11);
    group(12);
    did();
    sub(2, at(11), [tree]);
    expect(did()).toEqual([]);
    sub(3, at(9), [tree]);
    expect(did()).toEqual(['lag 3']);
    sub(4, at(13), [tree]);
    expect(did()).toEqual(['lag 4']);
    sub(5, encodeCursor({ incarnation: 'b'.repeat(16), position: 11, chain: 'c'.repeat(16) }), [tree]);
    expect(did()).toEqual(['lag 5']);
  });

  it('that is one too many is refused', () => {
    const { sub, did } = joinedSession();
    for (let n = 0; n < 1000; n++) sub(n, at(10));
    expect(did()).toEqual([]);
    sub(1000, at(10));
    expect(did()).toEqual(['refused sub quota']);
    sub(999, at(10));
    expect(did()).toEqual([]);
  });
});

describe('while a page is under way', () => {
  it('groups wait behind it, and then go on without a gap', () => {
    const { sub, pull, did, group } = joinedSession();
    sub(1, null);
    const finish = pull(1);
    group(11);
    group(12);
    expect(did()).toEqual([]);
    finish(11);
    expect(did()).toEqual(['page', 'ops 12']);
    group(13);
    expect(did()).toEqual(['ops 13']);
  });

  it('other subscriptions lack nothing', () => {
    const { sub, pull, did, group } = joinedSession();
    sub(1, at(10), [tree]);
    sub(2, null);
    const finish = pull(2);
    group(11);
    finish(11);
    expect(did()).toEqual(['page', 'ops 11']);
  });

  it('too much to hold goes out, and the page is no place to go on from', () => {
    const { sub, pull, did, group } = joinedSession();
    sub(1, at(10), [tree]);
    sub(2, null);
    const finish = pull(2);
    did();
    group(11, { bytes: 600 });
    expect(did()).toEqual([]);
    group(12, { bytes: 600 });
    expect(did()).toEqual(['ops 11', 'ops 12']);
    group(13);
    expect(did()).toEqual(['ops 13']);
    finish(13);
    expect(did()).toEqual(['page', 'lag 2']);
  });

  it('a gap makes it no place to go on from', () => {
    const { sub, pull, dispatch, did, group } = joinedSession();
    sub(1, null);
    const finish = pull(1);
    dispatch({ kind: 'gap', ws, position: 20, cursor: at(20) });
    finish(20);
    expect(did()).toEqual(['page', 'lag 1']);
    group(21);
    expect(did()).toEqual([]);
    pull(1)(21);
    group(22);
    expect(did()).toEqual(['page', 'ops 22']);
  });

  it('a page up to an old bound is no place to go on from; one that goes on says nothing of feeding', () => {
    const { sub, pull, did, group } = joinedSession();
    sub(1, null);
    pull(1)(10, true);
    expect(did()).toEqual(['page']);
    group(11);
    expect(did()).toEqual([]);
    pull(1)(10);
    expect(did()).toEqual(['page', 'lag 1']);
  });

  it('a subscription that was replaced is not fed by the old one’s page', () => {
    const { sub, pull, did, group } = joinedSession();
    sub(1, null);
    const finish = pull(1);
    sub(1, null, [tree]);
    expect(did()).toEqual(['lag 1']);
    finish(10);
    group(11);
    expect(did()).toEqual(['page']);
  });

  it('a failure lets held groups go', () => {
    const { sub, send, dispatch, did, group } = joinedSession();
    sub(1, at(10), [tree]);
    sub(2, null);
    did();
    send({ kind: 'pull', ws, sub: 2, after: null, through: null });
    group(11);
    expect(did()).toEqual([]);
    const error = new StoreError('unavailable', 'not now');
    for (let pull = 0; pull < 10; pull++) dispatch({ kind: 'read-failed', pull, error, buffered: 0 });
    expect(did()).toEqual(['refused pull unavailable', 'ops 11']);
  });
});

describe('a slow reader', () => {
  it('is told once to pull, and gets no more until it did', () => {
    const { sub, pull, did, group } = joinedSession();
    sub(1, at(10));
    group(11, { buffered: 1001 });
    group(12);
    expect(did()).toEqual(['lag 1']);
    const finish = pull(1);
    group(13);
    finish(12);
    expect(did()).toEqual(['page', 'ops 13']);
  });
});

describe('verdicts', () => {
  const appended = (committedAt: number): AppendResult => ({ added: 2, committedAt, through: at(committedAt) });
  const settled = (batch: number, error?: StoreError) =>
    ({ kind: 'settled', ws, attachment: 1, batch, error, result: error ? undefined : appended(batch * 10) }) as const;
  const batch = (number: number): ClientMessage => ({ kind: 'ops-up', ws, batch: number, records: [], block: new Uint8Array(0) });

  it('wait for those before them', () => {
    const { send, dispatch, did } = joinedSession();
    for (const number of [1, 2, 3, 4]) send(batch(number));
    dispatch(settled(2, new StoreError('denied', 'no')));
    dispatch(settled(3));
    dispatch({ kind: 'flush', ws });
    expect(did()).toEqual([]);
    dispatch(settled(1));
    dispatch({ kind: 'flush', ws });
    expect(did()).toEqual(['ack 1', 'nack 2 denied', 'ack 3']);
    dispatch(settled(4));
    dispatch({ kind: 'flush', ws });
    expect(did()).toEqual(['ack 4']);
  });

  it('carry a resume point only to who is fed, and none beyond what is on the wire', () => {
    const { send, sub, pull, group, dispatch, did } = joinedSession();
    send(batch(1));
    dispatch(settled(1));
    dispatch({ kind: 'flush', ws });
    sub(1, at(10), [tree]);
    sub(2, null);
    did();
    const finish = pull(2);
    group(11);
    send(batch(2));
    dispatch(settled(2));
    dispatch({ kind: 'flush', ws });
    expect(did()).toEqual(['ack 2']);
    finish(11);
    send(batch(3));
    dispatch(settled(3));
    dispatch({ kind: 'flush', ws });
    expect(did()).toEqual(['page', 'ops 11', 'ack 3 11']);
  });

  it('tell what each batch did, each once and in order, to who asked and nobody else', () => {
    for (const asked of [true, false]) {
      const { send, dispatch, told } = joinedSession(asked);
      for (const number of [1, 2, 3, 4]) send(batch(number));
      for (const each of [settled(2), settled(1), settled(3, new StoreError('denied', 'no')), settled(4)]) dispatch(each);
      dispatch({ kind: 'flush', ws });
      const acks = told().filter((message) => message.kind === 'ack');
      const result = (number: number) => ({ added: 2, committedAt: number * 10, through: at(number * 10) });
      expect(acks.map(({ batch: upTo, results }) => [upTo, results])).toEqual(
        asked
          ? [
              [2, [result(1), result(2)]],
              [4, [result(4)]],
            ]
          : [
              [2, undefined],
              [4, undefined],
            ],
      );
      send(batch(5));
      dispatch({ ...settled(5), result: { added: 0, committedAt: 0, through: undefined } });
      dispatch({ kind: 'flush', ws });
      expect(told()).toMatchObject([{ kind: 'ack', batch: 5, ...(asked && { results: [{ added: 0, committedAt: 0, through: null }] }) }]);
    }
  });

  it('of an earlier joining are not told', () => {
    const { send, dispatch, did } = joinedSession();
    send(batch(1));
    send({ kind: 'leave', ws });
    dispatch(settled(1));
    dispatch({ kind: 'flush', ws });
    send(batch(2));
    expect(did()).toEqual([]);
    send({ ...batch(1), ws: 99 } as ClientMessage);
    expect(did()).toEqual(['bye invalid']);
  });
});
