import type { WorkspaceId } from '../ids.ts';
import { run, type Sql } from './sql.ts';

/** The row of `spaces` in a workspace's own file. Times in milliseconds. */
export interface SpaceRow {
  readonly uri: string;
  readonly name?: string;
  readonly createdAt: number;
  readonly userId?: string;
  readonly ttabsLayout?: string;
  readonly theme?: string;
  readonly colorScheme?: string;
  /** JSON. */
  readonly drafts?: string;
}

/** The file describes the workspace like this. */
export function* writeSpace(workspace: WorkspaceId, space: SpaceRow): Sql<true> {
  yield* run('DELETE FROM spaces');
  yield* run(
    'INSERT INTO spaces (id, uri, name, created_at, user_id, ttabs_layout, theme, color_scheme, drafts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    workspace,
    space.uri,
    space.name ?? null,
    space.createdAt,
    space.userId ?? null,
    space.ttabsLayout ?? null,
    space.theme ?? null,
    space.colorScheme ?? null,
    space.drafts ?? null,
  );
  return true;
}
