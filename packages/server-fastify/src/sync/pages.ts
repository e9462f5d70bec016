import { type Cursor, StoreError, type TreeId, toStoreError } from '@spacestore/core';
import { encodePage, type PageMessage, type ServerEffect, type ServerEvent } from '@spacestore/core/sync';
import type { Grant } from '../service/grant.ts';
import type { Operations } from '../service/operations.ts';
import { compress } from './compress.ts';

type Read = Extract<ServerEffect, { readonly kind: 'read' }>;
type Pack = Extract<ServerEffect, { readonly kind: 'pack' }>;
type Timeless<Event> = Event extends unknown ? Omit<Event, 'now'> : never;

/** Ticks that a page stays ready for whoever does not ask. */
const patience = 20;
/** Pages of one connection made ready before they are asked for: one to be sent, one to be compressed meanwhile. */
const pagesAhead = 2;

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

/** Pages of one connection. While a client works on a page, the next ones of the same query are made ready: their records lie before the bound and
 *  can't change. While one is compressed, beside the event loop, the one behind it is read. */
export interface Pages {
  readonly read: (effect: Read) => void;
  readonly pack: (effect: Pack) => void;
  /** What is ready for a workspace, or any, is let go. */
  readonly forget: (ws?: number) => void;
  /** True if there is nothing to keep these pages for. */
  readonly tick: () => boolean;
}

/** Where a page ends, and its query. */
interface Place {
  readonly next: Cursor | null;
  readonly through: Cursor | null;
}

interface Made extends Place {
  readonly frame: Uint8Array;
}

type Query = Omit<Read, 'kind' | 'pull'>;

interface Ahead {
  readonly of: Query;
  readonly how: Pack['how'];
  /** As soon as it is read; undefined if that failed. */
  readonly place: Promise<Place | undefined>;
  /** Undefined if it could not be made: whoever asks reads it anew and hears why. */
  readonly made: Promise<Made | undefined>;
  readonly release: () => void;
}

export function pages(parts: PagesParts): Pages {
  /** Queries under way, by PULL. */
  const queries = new Map<number, Read>();
  /** Frames that were ready when they were asked for, by PULL. */
  const ready = new Map<number, Uint8Array>();
  /** Pages of one query, in order, each beginning where the one before ends. */
  let line: Ahead[] = [];
  /** Ticks that the first of them has waited. */
  let waited = 0;
  let underWay = 0;

  const readPage = async ({ ws, trees, after, through }: Query): Promise<Omit<PageMessage, 'kind' | 'ws' | 'sub'>> => {
    const grant = parts.grantOf(ws);
    if (grant === undefined) throw new StoreError('aborted', 'the workspace was left');
    const page = await parts.operations.read(grant, {
      ...(trees !== null && { trees: [...trees] as readonly TreeId[] }),
      ...(after !== null && { after }),
      ...(through !== null && { through }),
      limit: parts.pageRecords,
      limitBytes: parts.pageBytes,
    });
    return { records: page.records, next: page.next?.after ?? null, through: page.through ?? null };
  };
  const frameOf = async (page: PageMessage, how: Pack['how'], times: boolean): Promise<Uint8Array> => {
    const frame = await encodePage(page, how, compress, times);
    if (frame.length > parts.maxFrameBytes)
      throw new StoreError('too_large', 'a page does not fit into a frame', { context: { bytes: frame.length } });
    return frame;
  };

  /** Makes the page behind a place ready, and then those behind it, as far as there is room. */
  const prepare = (query: Query, { next, through }: Place, how: Pack['how']): void => {
    if (next === null || line.length >= pagesAhead || parts.slots.free <= 0) return;
    const of = { ws: query.ws, sub: query.sub, trees: query.trees, after: next, through, times: query.times };
    parts.slots.free--;
    let held = true;
    const release = (): void => {
      if (held) parts.slots.free++;
      held = false;
    };
    const reading = readPage(of);
    const make = async (): Promise<Made | undefined> => {
      try {
        const page = await reading;
        const frame = await frameOf({ kind: 'page', ws: of.ws, sub: of.sub, ...page }, how, of.times);
        return { next: page.next, through: page.through, frame };
      } catch (error) {
        if (toStoreError(error).code === 'internal') parts.report(error);
        return undefined;
      }
    };
    const made = make();
    const place = reading.then(
      (page): Place => ({ next: page.next, through: page.through }),
      () => undefined, // told by `made`
    );
    line.push({ of, how, place, made, release });
    extend();
  };
  const extend = (): void => {
    const last = line.at(-1);
    void last?.place.then((place) => {
      if (place !== undefined && line.at(-1) === last) prepare(last.of, place, last.how);
    });
  };
  const isAhead = ({ ws, sub, trees, after, through, times }: Query): boolean => {
    const of = line[0]?.of;
    return of?.ws === ws && of.sub === sub && of.trees === trees && of.after === after && of.through === through && of.times === times;
  };
  const forget = (ws?: number): void => {
    if (ws !== undefined && line[0]?.of.ws !== ws) return;
    for (const { release } of line) release();
    line = [];
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
        underWay++;
        waited = 0;
        try {
          const taken = isAhead(effect) ? line.shift() : undefined;
          const made = await taken?.made;
          taken?.release();
          queries.set(pull, effect);
          if (made !== undefined) ready.set(pull, made.frame);
          const page = made === undefined ? await readPage(effect) : { records: [], next: made.next, through: made.through };
          parts.step({ kind: 'read', pull, ...page });
          // `pack` has taken them, unless the PULL is gone.
          queries.delete(pull);
          ready.delete(pull);
        } catch (error) {
          fail(pull, error);
        } finally {
          underWay--;
        }
      }),
    pack: ({ pull, page, how }) => {
      const query = queries.get(pull);
      const made = ready.get(pull);
      queries.delete(pull);
      ready.delete(pull);
      parts.begin(parts.pageBytes, async () => {
        underWay++;
        try {
          const framing = made ?? frameOf(page, how, query?.times ?? false);
          if (query !== undefined && parts.grantOf(query.ws) !== undefined) {
            if (isAhead({ ...query, after: page.next, through: page.through })) extend();
            else {
              forget();
              prepare(query, page, how);
            }
          }
          parts.step({ kind: 'packed', pull, frame: await framing, buffered: parts.buffered() });
        } catch (error) {
          fail(pull, error);
        } finally {
          underWay--;
        }
      });
    },
    forget,
    tick: () => {
      if (line.length > 0 && ++waited > patience) forget();
      return line.length === 0 && underWay === 0;
    },
  };
}
