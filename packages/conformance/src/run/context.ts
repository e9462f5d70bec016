import type { Arbitrary } from 'fast-check';
import type { StoreByKind, SubjectKind } from '../spec/kind.ts';
import type { Place, SetupScope, Subject } from '../subject.ts';
import type { TestClock } from '../world/clock.ts';
import type { World } from '../world/world.ts';

export type Profile = 'quick' | 'full';

/** A place with a store open on it. Everything opened here is closed when the law is over. */
export interface Room<Kind extends SubjectKind> {
  readonly place: Place;
  /** The clock of every store of this room. */
  readonly clock: TestClock;
  /** The handle opened last by `reopen` or `crash`, at first the one the room came with. */
  readonly store: StoreByKind[Kind];
  /** A second handle on the same place. */
  readonly another: () => Promise<StoreByKind[Kind]>;
  /** Closes the store and opens it again. */
  readonly reopen: () => Promise<StoreByKind[Kind]>;
  /** Drops the handle without closing it, as a crash would, and opens the place again. */
  readonly crash: () => Promise<StoreByKind[Kind]>;
}

/** One case of a check. */
export interface Run {
  /** A name no other case of this law uses: lower-case letters and digits. */
  readonly fresh: (prefix: string) => string;
  /** Adds a line to the trace that is printed if this case fails. */
  readonly say: (line: string) => void;
  /** Notes that a fact was looked for, and whether it was met. */
  readonly count: (fact: string, met?: boolean) => void;
}

export interface CheckOptions {
  /** Cases in the quick profile; the full one runs `fullFactor` times as many. */
  readonly runs: number;
  readonly fullFactor?: number;
  /** A case that takes longer has hung. */
  readonly hangMs?: number;
}

/** What a law is given. All randomness comes from its seed. */
export interface LawContext<Kind extends SubjectKind> {
  readonly subject: Subject<Kind>;
  readonly profile: Profile;
  /** Derived from the run's seed and the law's id. */
  readonly seed: number;
  readonly world: World;
  readonly scope: SetupScope;
  /** Opens a new place. */
  readonly room: () => Promise<Room<Kind>>;
  /** The law's own room, opened once: cases that only need a workspace of their own share it. */
  readonly shared: () => Promise<Room<Kind>>;
  /** Tries generated cases; a failure is shrunk and can be replayed. */
  readonly check: <Value>(
    arbitrary: Arbitrary<Value>,
    test: (value: Value, run: Run) => Promise<void>,
    options: CheckOptions,
  ) => Promise<void>;
  /** Tries one case that nothing generates. */
  readonly example: (test: (run: Run) => Promise<void>, options?: { readonly hangMs?: number }) => Promise<void>;
  /** A number by profile. */
  readonly size: (quick: number, full: number) => number;
}
