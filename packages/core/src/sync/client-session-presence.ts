import type { Wire } from './client-session-reading.ts';
import type { ClientSessionOptions, ClientWorkspace, Moment } from './client-session-types.ts';

/** The client's value under a key is this from now on; null removes it. */
export function setPresence(workspace: ClientWorkspace, key: string, value: unknown, { now }: Moment): ClientWorkspace {
  const presence = new Map(workspace.presence);
  if (value === null) presence.delete(key);
  else presence.set(key, value);
  const presenceAt = workspace.presenceDirty.size > 0 ? workspace.presenceAt : Math.max(now, workspace.presenceAt);
  return { ...workspace, presence, presenceDirty: new Set([...workspace.presenceDirty, key]), presenceAt };
}

/** All values go out anew: on a new connection nobody knows them. Keys that were removed meanwhile need no word. */
export function restartPresence(workspace: ClientWorkspace, { now }: Moment): ClientWorkspace {
  return { ...workspace, presenceDirty: new Set(workspace.presence.keys()), presenceAt: now };
}

/** Sends the last value of every changed key, if the last time is long enough ago. */
export function pumpPresence(workspace: ClientWorkspace, wire: Wire, { now }: Moment, options: ClientSessionOptions): ClientWorkspace {
  const { join, presenceDirty } = workspace;
  if (presenceDirty.size === 0 || workspace.presenceAt > now || join.kind !== 'in' || join.role === 'backup') return workspace;
  for (const key of presenceDirty) wire.send({ kind: 'presence-up', ws: wire.ws, key, value: workspace.presence.get(key) ?? null });
  return { ...workspace, presenceDirty: new Set(), presenceAt: now + options.presenceEveryMs };
}
