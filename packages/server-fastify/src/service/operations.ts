import {
  type AppendResult,
  type CallOptions,
  type Cursor,
  type Head,
  hasCode,
  isStoreError,
  type ListQuery,
  type OpRecord,
  type Page,
  type PeerId,
  type ReadPage,
  type ReadQuery,
  StoreError,
  type TreeId,
  type VectorPage,
  type VectorQuery,
} from '@spacestore/core';
import type { Action } from '../permissions.ts';
import { beyondJump, beyondQuota, checkBodies, checkSizes, counterRefusal, isBeyondJump, quotaRefusal } from './append-checks.ts';
import type { Fences } from './fences.ts';
import type { Gate } from './gate.ts';
import { allows, type Grant } from './grant.ts';
import type { LogSizes } from './log-size.ts';
import type { PeerBindings } from './peer-bindings.ts';
import type { Refusals } from './refusals.ts';
import type { ServiceParts } from './stores.ts';

export interface AppendRequest {
  /** Handed to listeners as it is, so that an appender recognises its own records. */
  readonly origin?: unknown;
  /** What the grant has to allow. An import may also bring counters of any height. Default `append`. */
  readonly as?: Extract<Action, 'append' | 'import'>;
}

export interface Appended extends AppendResult {
  /** The grant to use from now on: a newer one if the membership had changed. */
  readonly grant: Grant;
}

/** The one way by which records get in and out, for HTTP and sockets alike. */
export interface Operations {
  /** Appends records if they are valid, plausible and allowed; atomic, durable when it resolves. Reaches the store in the same turn of the event
   *  loop while the log's size is cached and `relay` is on, so that calls of one turn share a commit.
   *  Throws: invalid, too_large, equivocation (context.ids names the records), denied, not_found, quota, and what the store throws. */
  readonly append: (grant: Grant, records: readonly OpRecord[], request?: AppendRequest, call?: CallOptions) => Promise<Appended>;
  /** Declares peers as the user's own. Throws: denied (context.peers), quota. */
  readonly declarePeers: (grant: Grant, peers: readonly PeerId[], call?: CallOptions) => Promise<void>;
  /** One page, no larger than the limits say. */
  readonly read: (grant: Grant, query: ReadQuery, call?: CallOptions) => Promise<ReadPage>;
  readonly vector: (grant: Grant, query: VectorQuery, call?: CallOptions) => Promise<VectorPage>;
  readonly trees: (grant: Grant, query: ListQuery, call?: CallOptions) => Promise<Page<TreeId>>;
  readonly head: (grant: Grant, call?: CallOptions) => Promise<Head>;
}

export interface OperationsParts extends Pick<ServiceParts, 'ops' | 'limits' | 'events'> {
  readonly gate: Gate;
  readonly fences: Fences;
  readonly sizes: LogSizes;
  readonly peers: PeerBindings;
  readonly refusals: Refusals;
}

const byDefault: AppendRequest = {};

export function operations(parts: OperationsParts): Operations {
  const { ops, limits, events, gate, fences, sizes, peers, refusals } = parts;

  const checkGrowth = async (grant: Grant, records: readonly OpRecord[], bytes: number, as: Action, call?: CallOptions): Promise<void> => {
    let size = sizes.cached(grant.workspace) ?? (await sizes.share(grant.workspace));
    const refusal = (): StoreError | undefined => {
      const far = as === 'import' ? [] : beyondJump(records, size, limits);
      if (far.length > 0) return counterRefusal(far, size, limits);
      return beyondQuota(records, bytes, size, limits) ? quotaRefusal(size, limits) : undefined;
    };
    if (refusal() === undefined) return;
    size = await sizes.read(grant.workspace, call); // others may have stored more, and what was noted may have been there already
    const still = refusal();
    if (still) throw still;
  };

  /** With relay off every record is its author's own: its peer becomes, or is, theirs. */
  const checkPeers = (grant: Grant, records: readonly OpRecord[], as: Action, call?: CallOptions): Promise<void> | undefined => {
    if (grant.entry.settings.relay || as === 'import') return undefined;
    const named = new Set(records.map(({ peer }) => peer));
    return peers.known(grant, named) ? undefined : peers.declare(grant, [...named], call);
  };

  const store = (grant: Grant, records: readonly OpRecord[], call?: CallOptions): Promise<AppendResult> =>
    ops.append(grant.workspace, records, ops.capabilities.fence ? { via: grant.user, ifEpoch: grant.epoch } : { via: grant.user }, call);

  /** The fence was raised, perhaps by somebody else's change: only who lost the role is refused. */
  const storeAnew = async (grant: Grant, records: readonly OpRecord[], as: Action, call?: CallOptions): Promise<Appended> => {
    const fresh = await gate.refresh(grant, as, call);
    try {
      return { ...(await store(fresh, records, call)), grant: fresh };
    } catch (cause) {
      if (!hasCode(cause, 'denied', 'not_found')) throw cause;
      throw new StoreError('unavailable', 'members are being changed, or the workspace was moved to another server: try again', { cause });
    }
  };

  const append: Operations['append'] = async (grant, records, request = byDefault, call) => {
    const as = request.as ?? 'append';
    try {
      if (!allows(grant, as)) await gate.require(grant, as);
      const bytes = checkSizes(records, limits);
      checkBodies(grant.entry.codec, records);
      const size = sizes.cached(grant.workspace);
      if (size === undefined || (as !== 'import' && isBeyondJump(records, size, limits)) || beyondQuota(records, bytes, size, limits))
        await checkGrowth(grant, records, bytes, as, call);
      const asked = checkPeers(grant, records, as, call);
      if (asked) await asked;
      let appended: Appended;
      try {
        const { added, committedAt, through } = await store(grant, records, call);
        appended = { added, committedAt, through, grant };
      } catch (error) {
        if (!hasCode(error, 'denied', 'not_found')) throw error;
        appended = await storeAnew(grant, records, as, call);
      }
      sizes.note(grant.workspace, records, bytes);
      if (records.length > 0) events.appended(grant.workspace, records, appended, request.origin);
      return appended;
    } catch (error) {
      await recordRefusal(grant, as, error);
      throw error;
    }
  };

  /** What an attacker would try is kept; a role that is too low was recorded where it was found. */
  const recordRefusal = async (grant: Grant, as: Action, error: unknown): Promise<void> => {
    if (!isStoreError(error) || !['equivocation', 'invalid', 'denied', 'quota'].includes(error.code) || error.context.action !== undefined)
      return;
    const { ids, peers: named } = error.context;
    const detail = { ...firstFew('ids', ids), ...firstFew('peers', named) };
    await refusals.record({ workspace: grant.workspace, user: grant.user, action: as, code: error.code, detail });
  };

  /** A store has nothing to say of a workspace it does not know: for one that is listed that is no answer, least of all an empty one. */
  const present = async <Page extends { readonly through?: Cursor | undefined }>(
    grant: Grant,
    page: Page,
    call?: CallOptions,
  ): Promise<Page> => {
    if (page.through === undefined && ops.capabilities.fence) throw await fences.missing(grant.entry, call);
    return page;
  };

  return {
    append,
    declarePeers: async (grant, named, call) => {
      await gate.require(grant, 'append');
      try {
        await peers.declare(grant, named, call);
      } catch (error) {
        await recordRefusal(grant, 'append', error);
        throw error;
      }
    },
    read: async (grant, query, call) => {
      await gate.require(grant, 'read');
      const limit = Math.min(query.limit, limits.pageRecords);
      const limitBytes = Math.min(query.limitBytes ?? limits.pageBytes, limits.pageBytes);
      return present(grant, await ops.read(grant.workspace, { ...query, limit, limitBytes }, call), call);
    },
    vector: async (grant, query, call) => {
      await gate.require(grant, 'read');
      return present(grant, await ops.vector(grant.workspace, { ...query, limit: Math.min(query.limit, limits.pageRecords) }, call), call);
    },
    trees: async (grant, query, call) => {
      await gate.require(grant, 'read');
      return ops.trees(grant.workspace, { ...query, limit: Math.min(query.limit, limits.pageRecords) }, call);
    },
    head: async (grant, call) => {
      await gate.require(grant, 'read');
      const head = await ops.head(grant.workspace, call);
      if (!head) throw await fences.missing(grant.entry, call);
      sizes.learn(grant.workspace, head); // who joins reads it: the first append then finds the size known
      return head;
    },
  };
}

function firstFew(name: string, value: unknown): Readonly<Record<string, readonly unknown[]>> {
  return Array.isArray(value) ? { [name]: value.slice(0, 10) } : {};
}
