import type { StoreError, StoreErrorCode } from '@spacestore/core';
import type { Connected } from '@spacestore/core/sync';

/** Whether edits are safe, and whether this is all there is. "All saved" is true when `pending` and `quarantined` are 0. */
export interface WorkspaceStatus {
  readonly connected: Connected;
  /** Why it is not live, as far as the server said. */
  readonly reason: string | null;
  /** Records handed in that no server has confirmed yet, on disk or on their way there. */
  readonly pending: number;
  /** Records confirmed and refused since this workspace was opened here. */
  readonly acknowledged: number;
  readonly refused: number;
  /** Records a server refused, kept until the app retries or discards them. */
  readonly quarantined: number;
  /** Why pending records are not being sent although there is a connection. */
  readonly held: { readonly code: StoreErrorCode; readonly message: string } | null;
  /** What fails on this side: the outbox, or the app's handler. It is tried again. */
  readonly problem: StoreError | null;
}

/** A value that changes, and tells. */
export interface Readable<Value> {
  readonly value: Value;
  /** Calls with the present value at once and with each new one; the returned function ends it. */
  readonly subscribe: (listener: (value: Value) => void) => () => void;
}

export interface Writable<Value> extends Readable<Value> {
  readonly set: (value: Value) => void;
}

/** Tells only what differs. */
export function statusValue(initial: WorkspaceStatus): Writable<WorkspaceStatus> {
  const listeners = new Set<(value: WorkspaceStatus) => void>();
  let value = initial;
  return {
    get value() {
      return value;
    },
    subscribe: (listener) => {
      listeners.add(listener);
      listener(value);
      return () => {
        listeners.delete(listener);
      };
    },
    set: (next) => {
      if (isSame(value, next)) return;
      value = next;
      for (const listener of listeners) listener(next);
    },
  };
}

function isSame(a: WorkspaceStatus, b: WorkspaceStatus): boolean {
  return (
    a.connected === b.connected &&
    a.reason === b.reason &&
    a.pending === b.pending &&
    a.acknowledged === b.acknowledged &&
    a.refused === b.refused &&
    a.quarantined === b.quarantined &&
    a.held?.code === b.held?.code &&
    a.held?.message === b.held?.message &&
    a.problem === b.problem
  );
}
