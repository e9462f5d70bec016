import type { ChangeHint } from '../contracts/change-hints.ts';
import type { WorkspaceId } from '../ids.ts';

/** Hints that wait to be sent, folded: of each workspace the newest of each kind. */
export interface PendingHints {
  /** True if nothing waited before. */
  readonly add: (hint: ChangeHint) => boolean;
  /** All that wait, workspaces in the order of their first hint; nothing waits any more. */
  readonly take: () => readonly ChangeHint[];
}

interface Waiting {
  position?: number;
  epoch?: number;
  replaced?: true;
}

export function pendingHints(): PendingHints {
  const waiting = new Map<WorkspaceId, Waiting>();
  return {
    add: (hint) => {
      const wasEmpty = waiting.size === 0;
      const known: Waiting = waiting.get(hint.workspace) ?? {};
      waiting.set(hint.workspace, known);
      fold(known, hint);
      return wasEmpty;
    },
    take: () => {
      const hints = [...waiting].flatMap(([workspace, known]) => hintsOf(workspace, known));
      waiting.clear();
      return hints;
    },
  };
}

function fold(known: Waiting, hint: ChangeHint): void {
  switch (hint.kind) {
    case 'appended':
      known.position = Math.max(known.position ?? 0, hint.position);
      return;
    case 'fenced':
      known.epoch = Math.max(known.epoch ?? 0, hint.epoch);
      return;
    case 'replaced':
      known.replaced = true;
      delete known.position; // a place in the history that is no more
      return;
  }
}

/** That a history ended comes before what is said of the next one. */
function hintsOf(workspace: WorkspaceId, { position, epoch, replaced }: Waiting): readonly ChangeHint[] {
  return [
    ...(replaced ? [{ kind: 'replaced', workspace } as const] : []),
    ...(epoch === undefined ? [] : [{ kind: 'fenced', workspace, epoch } as const]),
    ...(position === undefined ? [] : [{ kind: 'appended', workspace, position } as const]),
  ];
}
