import {
  type CallOptions,
  type Directory,
  eachItem,
  type Membership,
  type PeerId,
  StoreError,
  type UserId,
  type WorkspaceEntry,
} from '@spacestore/core';

/** The target's directory says of a workspace what the source's does: name, owner, codec, settings, blob root, members, and whose peers are whose. Its
 *  audit and epochs are its own. Throws: conflict, if it has another workspace of this name. */
export async function copyEntry(source: Directory, target: Directory, entry: WorkspaceEntry, call?: CallOptions): Promise<WorkspaceEntry> {
  const { id, name, owner, codec, blobRoot, settings } = entry;
  const present = await target.get(id, call);
  if (present && (present.state !== 'active' || present.codec !== codec || present.blobRoot !== blobRoot))
    throw new StoreError('conflict', 'the target has another workspace of this name', { context: { workspace: id } });
  if (!present) await target.create({ id, name, owner, codec, blobRoot, settings }, call);
  else if (present.name !== name || JSON.stringify(present.settings) !== JSON.stringify(settings))
    await target.update(id, { name, settings }, call);
  if (present && present.owner !== owner) await target.transfer(id, owner, call);
  await copyMembers(source, target, entry, call);
  await copyPeers(source, target, entry, call);
  return (await target.get(id, call)) as WorkspaceEntry;
}

async function copyMembers(source: Directory, target: Directory, { id }: WorkspaceEntry, call: CallOptions | undefined): Promise<void> {
  const wanted = new Map((await membersOf(source, id, call)).map(({ user, role }) => [user, role]));
  for (const { user, role } of await membersOf(target, id, call)) {
    if (wanted.get(user) === role) wanted.delete(user);
    else if (!wanted.has(user)) await target.setMember(id, user, undefined, {}, call);
  }
  for (const [user, role] of wanted) await target.setMember(id, user, role, {}, call);
}

async function membersOf(directory: Directory, id: WorkspaceEntry['id'], call: CallOptions | undefined): Promise<readonly Membership[]> {
  const found: Membership[] = [];
  for await (const member of eachItem((query) => directory.members(id, query, call))) found.push(member);
  return found;
}

async function copyPeers(source: Directory, target: Directory, { id }: WorkspaceEntry, call: CallOptions | undefined): Promise<void> {
  const there = new Map<PeerId, UserId>();
  for await (const { peer, user } of eachItem((query) => target.peers(id, query, call))) there.set(peer, user);
  let mine: { user: UserId; peers: PeerId[] } | undefined;
  const bind = async (): Promise<void> => {
    if (!mine) return;
    const { taken } = await target.bindPeers(id, mine.user, mine.peers, Number.MAX_SAFE_INTEGER, call);
    if (taken.length > 0)
      throw new StoreError('conflict', 'peers are somebody else’s in the target', { context: { workspace: id, peers: taken } });
  };
  for await (const { peer, user } of eachItem((query) => source.peers(id, query, call))) {
    if (there.get(peer) === user) continue;
    if (mine && (mine.user !== user || mine.peers.length >= 1000)) {
      await bind();
      mine = undefined;
    }
    mine ??= { user, peers: [] };
    mine.peers.push(peer);
  }
  await bind();
}
