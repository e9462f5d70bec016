import { StoreError } from './errors.ts';

/** Asks for up to `limit` items that come after `after` in the listing's order. */
export interface ListQuery {
  readonly after?: string;
  readonly limit: number;
}

/** One page of a listing; `next` asks for the following one and is absent on the last. */
export interface Page<Item> {
  readonly items: readonly Item[];
  readonly next?: ListQuery;
}

/** Throws: invalid, unless 1 ≤ limit ≤ max. */
export function parseLimit(limit: unknown, max = 100_000): number {
  if (Number.isSafeInteger(limit) && (limit as number) >= 1 && (limit as number) <= max) return limit as number;
  throw new StoreError('invalid', `limit must be an integer from 1 to ${max}`, { context: { given: String(limit).slice(0, 64) } });
}

/** Cuts a page out of up to `limit + 1` rows: the extra one only tells that there is more. */
export function pageOf<Item>(rows: readonly Item[], limit: number, keyOf: (item: Item) => string): Page<Item> {
  if (rows.length <= limit) return { items: rows };
  const items = rows.slice(0, limit);
  return { items, next: { after: keyOf(items[items.length - 1] as Item), limit } };
}

/** Every item of a listing, page by page. */
export async function* eachItem<Item>(list: (query: ListQuery) => Promise<Page<Item>>, limit = 1000): AsyncGenerator<Item> {
  for (let query: ListQuery | undefined = { limit }; query !== undefined; ) {
    const page: Page<Item> = await list(query);
    yield* page.items;
    query = page.next;
  }
}
