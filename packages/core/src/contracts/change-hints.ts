import type { WorkspaceId } from '../ids.ts';

/** Says that a workspace changed, so that whoever is behind looks at its head. The head is the truth; a hint only tells where to look, and when. */
export type ChangeHint =
  /** The log reached this position. */
  | { readonly kind: 'appended'; readonly workspace: WorkspaceId; readonly position: number }
  /** Membership changed, and the log was fenced to this epoch. */
  | { readonly kind: 'fenced'; readonly workspace: WorkspaceId; readonly epoch: number }
  /** Dropped, restored or begun anew: what was known of its history is void. */
  | { readonly kind: 'replaced'; readonly workspace: WorkspaceId };

export interface ChangeListener {
  /** Called in a later turn than the one that published, never while `subscribe` runs. */
  readonly hint: (hint: ChangeHint) => void;
  /** Hints may have been missed up to now: look at every head that matters. Called when listening begins, and again whenever it was interrupted. */
  readonly reconnected: () => void;
}

/** Carries hints between the servers of one deployment.
 *  Law: none that data may rest on. A hint can be lost, come late, come twice or be folded with others of its workspace into the newest; what was lost
 *  with the connection is made up for by `reconnected`, and a server still polls now and then. No hint is handed to a listener of the handle that published it. */
export interface ChangeHints {
  readonly contractVersion: 1;
  /** Sends the hint soon, folded with what waits for the same workspace. Call it after the commit. Returns at once and never throws: a hint that can't be sent is lost. */
  readonly publish: (hint: ChangeHint) => void;
  /** The listener is told what other handles publish, until the function this returns is called. What a listener throws is not caught. */
  readonly subscribe: (listener: ChangeListener) => () => void;
  /** Whether hints come in now. */
  readonly isListening: () => boolean;
  /** Sends what waits, then ends. Calling it again is fine. */
  readonly close: () => Promise<void>;
}
