import {
  BlobSASPermissions,
  type BlobServiceClient,
  type BlockBlobClient,
  generateBlobSASQueryParameters,
  SASProtocol,
  type UserDelegationKey,
} from '@azure/storage-blob';
import type { Clock } from '@spacestore/core';
import type { Connected } from './connect.ts';

const secondMs = 1000;
/** The service gives keys for at most seven days; a little less, because its clock may be another. */
const keyLifeMs = (7 * 24 * 60 - 10) * 60 * secondMs;

/** The form of signatures. The client would take its own newest, which services and emulators of a little earlier don't know. */
const signatureVersion = '2025-07-05';

export interface SignedUrl {
  readonly url: string;
  readonly expiresAt: number;
}

/** Signs a URL that may read a blob, or make one that is not there: never one that overwrites. */
export type SignUrl = (
  blob: BlockBlobClient,
  allow: { readonly read: { readonly contentDisposition: string } } | 'create',
  expiresInMs: number,
) => Promise<SignedUrl>;

export function createSignUrl({ service, container, signer }: Connected, clock: Clock): SignUrl | undefined {
  if (signer === undefined) return undefined;
  const delegationKey = keptDelegationKey(service, clock);
  return async (blob, allow, expiresInMs) => {
    const wanted = Math.floor((clock.now() + expiresInMs) / secondMs) * secondMs; // the service counts in seconds
    const key = signer === 'delegation' ? await delegationKey(wanted) : undefined;
    const expiresAt = Math.min(wanted, key?.signedExpiresOn.getTime() ?? wanted);
    const values = {
      version: signatureVersion,
      containerName: container.containerName,
      blobName: blob.name,
      permissions: BlobSASPermissions.parse(allow === 'create' ? 'c' : 'r'),
      expiresOn: new Date(expiresAt),
      protocol: blob.url.startsWith('https:') ? SASProtocol.Https : SASProtocol.HttpsAndHttp,
      ...(allow !== 'create' && allow.read),
    };
    const query =
      key !== undefined
        ? generateBlobSASQueryParameters(values, key, service.accountName)
        : generateBlobSASQueryParameters(values, signer as Exclude<typeof signer, 'delegation'>);
    return { url: `${blob.url}?${query.toString()}`, expiresAt };
  };
}

/** A key the service gave for signing URLs, asked for again only when it does not last as long as a URL is to. */
function keptDelegationKey(service: BlobServiceClient, clock: Clock): (until: number) => Promise<UserDelegationKey> {
  let kept: { readonly key: Promise<UserDelegationKey>; readonly expiresAt: number } | undefined;
  return async (until) => {
    const now = clock.now();
    const longest = now + keyLifeMs;
    if (kept === undefined || kept.expiresAt < Math.min(until, longest)) {
      const asked = { key: service.getUserDelegationKey(new Date(now), new Date(longest)), expiresAt: longest };
      kept = asked;
      asked.key.catch(() => {
        if (kept === asked) kept = undefined; // the next call asks again
      });
    }
    return kept.key;
  };
}
