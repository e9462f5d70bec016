import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';

/** Tells the address a request comes from, as Fastify does for routes: X-Forwarded-For is believed only as far as proxies of the list wrote it. */
export function addressBehind(trustedProxies: readonly string[]): (request: IncomingMessage) => string {
  const trust = proxyAddr.compile([...trustedProxies]);
  return (request) => proxyAddr(request, trust) ?? 'unknown';
}
