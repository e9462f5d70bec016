import type { StoreByKind, SubjectKind } from '../spec/kind.ts';
import type { Json, Place } from '../subject.ts';

/** What a child process is to do: a role by name, with its arguments. */
export interface ChildJob {
  readonly role: string;
  readonly plan: Json;
}

/** All a child is told, on its command line. */
export interface ChildOrder {
  readonly module: string;
  readonly subject: string;
  readonly kind: SubjectKind;
  readonly place: Place;
  readonly job: ChildJob;
}

/** How a role talks to its parent. */
export interface ChildPort {
  /** Resolves when the parent says `go`: the barrier that starts several children at once. */
  readonly go: Promise<void>;
  /** Writes one line to the parent before it returns: an acknowledgement that a kill can't take back. */
  readonly tell: (line: string) => void;
}

/** What a child does with the store it opened. */
export type ChildRole<Kind extends SubjectKind> = (store: StoreByKind[Kind], plan: Json, port: ChildPort) => Promise<void>;
