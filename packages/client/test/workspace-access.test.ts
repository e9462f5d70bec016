import { parseWorkspaceId, StoreError } from '@spacestore/core';
import { describe, expect, test } from 'vitest';
import type { HttpClient } from '../src/stores/http.ts';
import { workspaceAccess } from '../src/stores/workspace-access.ts';

const workspace = parseWorkspaceId('w1');
const notThere = (): StoreError => new StoreError('not_found', 'no such workspace');

/** A server that lists what the test says is there. */
function listing(there: ReadonlySet<string>): HttpClient {
  return {
    call: () => Promise.reject(new Error('nothing else is asked')),
    json: () => Promise.resolve({ items: [...there].map((id) => ({ id })) }),
  };
}

describe('reading from a server whose workspaces come into being at their first change', () => {
  test('a workspace that another makes between the refusal and the list is read, not refused', async () => {
    const there = new Set<string>();
    const access = workspaceAccess(listing(there), 'opaque');
    const work = async (): Promise<string> => {
      if (there.has(workspace)) return 'what the other wrote';
      there.add(workspace); // the other's request arrives right behind the refused one
      throw notThere();
    };
    expect(await access.read(workspace, work, () => 'empty')).toBe('what the other wrote');
  });

  test('a workspace that is nowhere is empty, and one that is gone again as well', async () => {
    const access = workspaceAccess(listing(new Set()), 'opaque');
    expect(
      await access.read(
        workspace,
        () => Promise.reject(notThere()),
        () => 'empty',
      ),
    ).toBe('empty');
    const there = new Set<string>([workspace]);
    let asked = 0;
    const dropped = async (): Promise<string> => {
      if (++asked === 2) there.clear();
      throw notThere();
    };
    expect(await workspaceAccess(listing(there), 'opaque').read(workspace, dropped, () => 'empty')).toBe('empty');
  });

  test('a workspace that is listed and refuses for good is an error, never empty', async () => {
    const access = workspaceAccess(listing(new Set([workspace])), 'opaque');
    await expect(
      access.read(
        workspace,
        () => Promise.reject(notThere()),
        () => 'empty',
      ),
    ).rejects.toMatchObject({ code: 'not_found' });
  });

  test('a failure is never taken for absence', async () => {
    const access = workspaceAccess(listing(new Set()), 'opaque');
    const failing = (): Promise<never> => Promise.reject(new StoreError('unavailable', 'down'));
    await expect(access.read(workspace, failing, () => 'empty')).rejects.toMatchObject({ code: 'unavailable' });
  });
});
