import { StoreError } from '@spacestore/core';

/** Where a server is reached: `http` for stores, `ws` for sync. */
export interface Endpoint {
  readonly http: string;
  readonly ws: string;
}

/** Both addresses of a server, given either. A path is kept and `/v1/sync` appended to it for the socket.
 *  Throws: invalid; denied for an address that would send the token in the clear, unless told that this is wanted. */
export function parseEndpoint(url: string, options: { readonly insecure?: boolean } = {}): Endpoint {
  const { host, pathname, secure } = parseUrl(url, options);
  const base = pathname.replace(/\/v1\/sync$/, '').replace(/\/+$/, '');
  return { http: `${secure ? 'https' : 'http'}://${host}${base}`, ws: `${secure ? 'wss' : 'ws'}://${host}${base}/v1/sync` };
}

/** Throws: invalid; denied, as `parseEndpoint`. */
export function checkSecure(url: string, options: { readonly insecure?: boolean } = {}): void {
  parseUrl(url, options);
}

function parseUrl(url: string, { insecure = false }: { readonly insecure?: boolean }) {
  if (!URL.canParse(url)) throw new StoreError('invalid', 'the address of a server is a URL');
  const { protocol, host, hostname, pathname, username, search } = new URL(url);
  if (!['http:', 'https:', 'ws:', 'wss:'].includes(protocol))
    throw new StoreError('invalid', 'the address of a server begins with https:// or wss://', { context: { protocol } });
  if (username !== '' || search !== '')
    throw new StoreError('invalid', 'no user and no query belong into the address: the token travels apart');
  const secure = protocol === 'https:' || protocol === 'wss:';
  if (!secure && !insecure && !isLoopback(hostname))
    throw new StoreError('denied', 'this address would send the token in the clear: use https:// or wss://', { context: { host } });
  return { host, pathname, secure };
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
