import { BlobServiceClient } from '@azure/storage-blob';
import { type SetupScope, type Wire, type WireProxy, wireProxy } from '@spacestore/conformance';
import { newContainer } from './azurite.ts';

export type WiredPlace = {
  /** What stores open: the same account, by way of the wire. */
  readonly connectionString: string;
  readonly container: string;
  /** The account itself. */
  readonly owned: { readonly connectionString: string; readonly container: string };
  readonly wireUrl: string;
};

const proxies = new Map<string, WireProxy>();

/** A new container, whose stores reach it through a wire of their own. */
export async function newWiredContainer(scope: SetupScope): Promise<WiredPlace> {
  const owned = await newContainer();
  const { url } = BlobServiceClient.fromConnectionString(owned.connectionString);
  const proxy = await wireProxy(url, ({ method, path }) => method === 'GET' && !path.includes('comp=list'));
  scope.after(proxy.close);
  proxies.set(proxy.url, proxy);
  const endpoint = `BlobEndpoint=${proxy.url}${new URL(url).pathname}`;
  return { ...owned, connectionString: owned.connectionString.replace(/BlobEndpoint=[^;]*/, endpoint), owned, wireUrl: proxy.url };
}

export function wireOf({ wireUrl }: WiredPlace): Wire {
  return proxies.get(wireUrl) as WireProxy;
}
