import { StoreError } from '@spacestore/core';

export interface Exposure {
  readonly tls?: unknown;
  readonly trustedProxies?: readonly string[];
  readonly insecure?: boolean;
}

/** Throws: denied, if tokens and data would travel in the clear beyond this machine without anybody having said so. */
export function checkBinding(host: string, { tls, trustedProxies, insecure }: Exposure): void {
  const local = host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
  if (local || tls !== undefined || (trustedProxies?.length ?? 0) > 0 || insecure === true) return;
  throw new StoreError(
    'denied',
    `refusing to listen on ${host} without TLS: configure tls.cert and tls.key, or trustedProxies if a proxy ends TLS, or say --insecure`,
    { context: { host } },
  );
}
