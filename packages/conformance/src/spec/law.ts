import type { LawContext } from '../run/context.ts';
import type { Subject } from '../subject.ts';
import type { Tool } from '../world/tools.ts';
import type { StoreByKind, SubjectKind } from './kind.ts';

/** A capability a law depends on, with a name to print. */
export interface Need<Kind extends SubjectKind> {
  readonly name: string;
  readonly holds: (store: StoreByKind[Kind], subject: Subject<Kind>) => boolean;
}

/** How often a law must have met a fact for its silence to mean anything: a part of all tries, or a number of hits. */
export type Floor = { readonly share: number } | { readonly count: number };

/** The words of a law, apart from how it is tried: docs are generated from them. */
export interface LawText {
  /** Stable and public: failures, docs, capability tables and mutants cite it. */
  readonly id: string;
  /** The promise, as one sentence. */
  readonly title: string;
  /** What goes wrong for a user where it does not hold. */
  readonly why: string;
  readonly group: string;
}

/** One promise and the way to try it. A value: it knows no test runner. */
export interface Law<Kind extends SubjectKind> extends LawText {
  readonly kind: Kind;
  /** Without it the law is not claimed, and `refusal` is tried in its place. */
  readonly needs?: Need<Kind>;
  /** What must hold where the capability is not claimed: as a rule that asking for it is `unsupported`. */
  readonly refusal?: (context: LawContext<Kind>) => Promise<void>;
  /** What the machine and the subject must offer; where one is missing the law is not run, and says so. */
  readonly tools?: readonly Tool[];
  /** Below one of these the law is inconclusive, which is not a pass. */
  readonly floors?: Readonly<Record<string, Floor>>;
  /** Resolves if the law held, throws if not. */
  readonly run: (context: LawContext<Kind>) => Promise<void>;
}

export type AnyLaw = { readonly [Kind in SubjectKind]: Law<Kind> }[SubjectKind];
