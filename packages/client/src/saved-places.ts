import { type Cursor, hasCode, parseCursor, parseTreeId } from '@spacestore/core';
import type { SavedPlaces } from '@spacestore/core/sync';

/** The name of the places in the outbox's state. */
export const placesName = 'places';

export function printPlaces(places: SavedPlaces): string {
  return JSON.stringify(places);
}

/** The places that were kept. Text that is none reads as no place at all: everything is read once more, which is always right. */
export function parsePlaces(text: string | undefined): SavedPlaces | null {
  if (text === undefined) return null;
  try {
    const { head, sets } = JSON.parse(text) as { head: unknown; sets: readonly { trees: unknown; cursor: unknown }[] };
    return {
      head: cursorOrNull(head),
      sets: sets.map(({ trees, cursor }) => ({
        trees: trees === null ? null : (trees as readonly unknown[]).map(parseTreeId),
        cursor: cursorOrNull(cursor),
      })),
    };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError || hasCode(error, 'invalid')) return null;
    throw error;
  }
}

function cursorOrNull(value: unknown): Cursor | null {
  return value === null ? null : parseCursor(value);
}
