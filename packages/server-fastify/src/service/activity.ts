import type { WorkspaceId } from '@spacestore/core';
import { noSuchWorkspace } from './grant.ts';

/** Long work under way in each workspace, so that a deletion does not race with an upload that would leave something behind. */
export interface Activity {
  /** Runs work with a signal that fires when the workspace goes. Throws: not_found, once it does. */
  readonly run: <Result>(
    workspace: WorkspaceId,
    signal: AbortSignal | undefined,
    work: (signal: AbortSignal) => Promise<Result>,
  ) => Promise<Result>;
  readonly isRunning: (workspace: WorkspaceId) => boolean;
  /** Aborts what is under way in a workspace, and resolves when all of it has ended. */
  readonly stop: (workspace: WorkspaceId) => Promise<void>;
}

export function activity(): Activity {
  const running = new Map<WorkspaceId, Map<AbortController, Promise<void>>>();
  return {
    run: async (workspace, signal, work) => {
      const stopper = new AbortController();
      let end: () => void = noop;
      const ended = new Promise<void>((resolve) => {
        end = resolve;
      });
      const mine = running.get(workspace) ?? new Map<AbortController, Promise<void>>();
      running.set(workspace, mine.set(stopper, ended));
      try {
        return await work(signal ? AbortSignal.any([signal, stopper.signal]) : stopper.signal);
      } catch (error) {
        throw stopper.signal.aborted ? noSuchWorkspace() : error;
      } finally {
        mine.delete(stopper);
        if (mine.size === 0) running.delete(workspace);
        end();
      }
    },
    isRunning: (workspace) => running.has(workspace),
    stop: async (workspace) => {
      const mine = [...(running.get(workspace) ?? [])];
      for (const [stopper] of mine) stopper.abort(noSuchWorkspace());
      await Promise.all(mine.map(([, ended]) => ended));
    },
  };
}

function noop(): void {
  // replaced before anybody could call it
}
