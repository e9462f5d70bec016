import type { Clock } from '@spacestore/core';
import type { StoreByKind, SubjectKind } from './spec/kind.ts';
import type { RawFile } from './world/raw.ts';
import type { Wire } from './world/wire.ts';

/** Anything JSON can carry, because a place crosses process borders. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
/** Where a store lives: a folder, a connection string. */
export type Place = { readonly [key: string]: Json };

/** What a subject may use while it sets up; all of it is undone when the law is over. */
export interface SetupScope {
  /** A fresh folder, removed at the end. */
  readonly tempDir: () => Promise<string>;
  /** Every file under a folder with its bytes, for `raw`. */
  readonly filesUnder: (dir: string) => Promise<readonly RawFile[]>;
  /** Runs when the law is over, last registered first. */
  readonly after: (undo: () => Promise<void> | void) => void;
}

/** What a law may lay down for the store it opens. */
export interface OpenOptions {
  /** The store's clock: laws about time own it. */
  readonly clock: Clock;
}

/** What is kept, item by item, below whatever proves it: a blob's file, the value a sealing layer hands to the store beneath. */
export interface RawCells {
  /** Every item's bytes by a name that says where it lies. */
  readonly read: () => Promise<ReadonlyMap<string, Uint8Array>>;
  /** Overwrites one behind the store's back. */
  readonly write: (name: string, bytes: Uint8Array) => Promise<void>;
}

/** Something put to the test. Written once by the author of a store, in a file named `*.subject.ts` that exports `subjects`. */
export interface Subject<Kind extends SubjectKind, At extends Place = Place> {
  readonly kind: Kind;
  readonly name: string;
  /** A new, empty place. */
  readonly setup: (scope: SetupScope) => Promise<At> | At;
  /** A store on a place; called again it is a second handle, or after a close the same store reopened. */
  readonly open: (place: At, options: OpenOptions) => Promise<StoreByKind[Kind]> | StoreByKind[Kind];
  /** `import.meta.url` of the module that exports this subject: lets child processes open the same place. Without it laws that need one are not run. */
  readonly module?: string;
  /** The bytes at rest: for scans, tampering and corruption. */
  readonly raw?: (place: At, scope: SetupScope) => Promise<readonly RawFile[]>;
  /** The same as whoever has the key reads them, where the engine encrypts its files; `raw` if absent. */
  readonly readable?: (place: At, scope: SetupScope) => Promise<readonly RawFile[]>;
  /** The items at rest one by one: lets laws change, swap and roll back what lies there. */
  readonly cells?: (place: At) => Promise<RawCells> | RawCells;
  /** A hand on the wire between the stores of a place and their server: lets laws lose and spoil what goes over it. */
  readonly wire?: (place: At) => Promise<Wire> | Wire;
  /** A sealed store on a place, opened with another key than the one it was sealed with. */
  readonly wrongKey?: (place: At, options: OpenOptions) => Promise<StoreByKind[Kind]> | StoreByKind[Kind];
  /** Files that need not be forced to disk because they are rebuilt on open (SQLite's `-shm`). */
  readonly volatile?: readonly RegExp[];
  /** Another process than the one that opens the store writes and forces its bytes to disk (a database server): laws that watch this process do it
   *  can't be run, and the author shows it by tests of their own. */
  readonly isElsewhere?: boolean;
  /** What a store without `capabilities` (an outbox) claims. */
  readonly claims?: readonly string[];
  /** Starts what all its places need, a server say: once, before any law, and outside the time laws are given. */
  readonly prepare?: () => Promise<unknown>;
  /** The part this machine lacks, so that no store can be opened: every law is then not run, and says so. */
  readonly missing?: string;
  /** Laws known to fail, with the reason. Printed loudly, denies the badge, and goes red once the law holds. */
  readonly knownFailures?: Readonly<Record<string, string>>;
}

/** A subject of any kind, as files export them. */
export type AnySubject = { readonly [Kind in SubjectKind]: Subject<Kind> }[SubjectKind];

/** What the author of a store writes: a subject without its kind. */
export type SubjectOptions<Kind extends SubjectKind, At extends Place> = Omit<Subject<Kind, At>, 'kind'>;

/** Makes a subject of one kind; `opStoreSubject({ name, setup, open })`. */
export function subjectOf<Kind extends SubjectKind, At extends Place>(kind: Kind, options: SubjectOptions<Kind, At>): Subject<Kind> {
  // The place a subject gets is always one it made itself.
  return { ...options, kind } as unknown as Subject<Kind>;
}

export const opStoreSubject = <At extends Place>(options: SubjectOptions<'op-store', At>): Subject<'op-store'> =>
  subjectOf('op-store', options);
export const blobStoreSubject = <At extends Place>(options: SubjectOptions<'blob-store', At>): Subject<'blob-store'> =>
  subjectOf('blob-store', options);
export const secretStoreSubject = <At extends Place>(options: SubjectOptions<'secret-store', At>): Subject<'secret-store'> =>
  subjectOf('secret-store', options);
export const transportSubject = <At extends Place>(options: SubjectOptions<'transport', At>): Subject<'transport'> =>
  subjectOf('transport', options);
export const syncSubject = <At extends Place>(options: SubjectOptions<'sync', At>): Subject<'sync'> => subjectOf('sync', options);
export const fileIndexSubject = <At extends Place>(options: SubjectOptions<'file-index', At>): Subject<'file-index'> =>
  subjectOf('file-index', options);
export const outboxSubject = <At extends Place>(options: SubjectOptions<'outbox', At>): Subject<'outbox'> => subjectOf('outbox', options);
