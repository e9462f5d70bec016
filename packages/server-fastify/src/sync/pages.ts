import { type Cursor, StoreError, type TreeId, toStoreError } from '@spacestore/core';
import { encodePage, type PagedRecord, type PageMessage, type ServerEffect, type ServerEvent } from '@spacestore/core/sync';
import type { Grant } from '../service/grant.ts';
import type { Operations } from '../service/operations.ts';
import { compress } from './compress.ts';

type Read = Extract<ServerEffect, { readonly kind: 'read' }>;
type Pack = Extract<ServerEffect, { readonly kind: 'pack' }>;
type Timeless<Event> = Event extends unknown ? Omit<Event, 'now'> : never;

/** Ticks that a page stays ready for whoever does not ask. */
const patience = 20;

export interface PagesParts {
  readonly operations: Operations;
  readonly pageBytes: number;
  readonly pageRecords: number;
  readonly maxFrameBytes: number;
  /** Pages all connections together may have ready before they were asked for. */
  readonly slots: { free: number };
  /** The grant under which a workspace is read now; undefined if the connection is not in it any more. */
  readonly grantOf: (ws: number) => Grant | undefined;
  readonly begin: (bytes: number, work: () => Promise<void>) => void;
  readonly step: (event: Timeless<Extract<ServerEvent, { readonly kind: 'read' | 'packed' | 'read-failed' }>>) => void;
  readonly buffered: () => number;
  readonly report: (error: unknown) => void;
}

/** Pages of one connection. While a client works on a page, the next one of the same query is made ready: its records lie before the bound and can't change. */
export interface Pages {
  readonly read: (effect: Read) => void;
  readonly pack: (effect: Pack) => void;
  /** What is ready for a workspace, or any, is let go. */
  readonly forget: (ws?: number) => void;
  readonly tick: () => void;
}

interface Made {
  readonly next: Cursor | null;
  readonly through: Cursor | null;
  readonly frame: Uint8Array;
}

interface Ahead {
  readonly of: Omit<Read, 'kind' | 'pull'>;
  /** Ticks it has waited. */
  waited: number;
  readonly made: Promise<Made | undefined>;
  readonly release: () => void;
}

export function pages(parts: PagesParts): Pages {
  /** Queries under way, by PULL. */
  const queries = new Map<number, Read>();
  /** Frames that were ready when they were asked for, by PULL. */
  const ready = new Map<number, Uint8Array>();
  let ahead: Ahead | undefined;

  const readPage = async ({ ws, trees, after, through, times }: Ahead['of']) => {
    const grant = parts.grantOf(ws);
    if (grant === undefined) throw new StoreError('aborted', 'the workspace was left');
    const page = await parts.operations.read(grant, {
      ...(trees !== null && { trees: [...trees] as readonly TreeId[] }),
      ...(after !== null && { after }),
      ...(through !== null && { through }),
      limit: parts.pageRecords,
      limitBytes: parts.pageBytes,
    });
    const records: readonly PagedRecord[] = times
      ? page.records
      : page.records.map(({ tree, peer, counter, body, position }) => ({ tree, peer, counter, body, position }));
    return { records, next: page.next?.after ?? null, through: page.through ?? null };
  };
  const frameOf = async (page: PageMessage, how: Pack['how']): Promise<Uint8Array> => {
    const frame = await encodePage(page, how, compress);
    if (frame.length > parts.maxFrameBytes)
      throw new StoreError('too_large', 'a page does not fit into a frame', { context: { bytes: frame.length } });
    return frame;
  };

  const prepare = (query: Read, { next, through }: PageMessage, how: Pack['how']): void => {
    forget();
    if (next === null || parts.slots.free <= 0) return;
    const { ws, sub, trees, times } = query;
    const of = { ws, sub, trees, after: next, through, times };
    parts.slots.free--;
    const make = async (): Promise<Made | undefined> => {
      try {
        const page = await readPage(of);
        return { next: page.next, through: page.through, frame: await frameOf({ kind: 'page', ws, sub, ...page }, how) };
      } catch (error) {
        // Whoever asks reads it anew and hears why it fails.
        if (toStoreError(error).code === 'internal') parts.report(error);
        return undefined;
      }
    };
    let held = true;
    const release = (): void => {
      if (held) parts.slots.free++;
      held = false;
    };
    ahead = { of, waited: 0, made: make(), release };
  };
  const aheadOf = ({ ws, sub, trees, after, through, times }: Read): Ahead | undefined => {
    const of = ahead?.of;
    const same =
      of?.ws === ws && of.sub === sub && of.trees === trees && of.after === after && of.through === through && of.times === times;
    return same ? ahead : undefined;
  };
  const forget = (ws?: number): void => {
    if (ws !== undefined && ahead?.of.ws !== ws) return;
    ahead?.release();
    ahead = undefined;
  };

  const fail = (pull: number, cause: unknown): void => {
    queries.delete(pull);
    ready.delete(pull);
    const error = toStoreError(cause);
    if (error.code === 'internal') parts.report(cause);
    parts.step({ kind: 'read-failed', pull, error, buffered: parts.buffered() });
  };

  return {
    read: (effect) =>
      parts.begin(0, async () => {
        const { pull } = effect;
        const taken = aheadOf(effect);
        try {
          const made = await taken?.made;
          if (taken !== undefined && taken === ahead) forget();
          queries.set(pull, effect);
          if (made !== undefined) ready.set(pull, made.frame);
          const page = made === undefined ? await readPage(effect) : { records: [], next: made.next, through: made.through };
          parts.step({ kind: 'read', pull, ...page });
          // `pack` has taken them, unless the PULL is gone.
          queries.delete(pull);
          ready.delete(pull);
        } catch (error) {
          fail(pull, error);
        }
      }),
    pack: ({ pull, page, how }) => {
      const query = queries.get(pull);
      const made = ready.get(pull);
      queries.delete(pull);
      ready.delete(pull);
      parts.begin(parts.pageBytes, async () => {
        try {
          const frame = made ?? (await frameOf(page, how));
          parts.step({ kind: 'packed', pull, frame, buffered: parts.buffered() });
          if (query !== undefined && parts.grantOf(query.ws) !== undefined) prepare(query, page, how);
        } catch (error) {
          fail(pull, error);
        }
      });
    },
    forget,
    tick: () => {
      if (ahead !== undefined && ++ahead.waited > patience) forget();
    },
  };
}
