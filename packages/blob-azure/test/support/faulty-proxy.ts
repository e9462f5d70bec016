import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** What to do to one request instead of passing it on untouched. */
export type Fault =
  | { readonly kind: 'answer'; readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** The connection is cut before anything is passed on. */
  | { readonly kind: 'cut' }
  /** The service does it, and nobody hears of it. */
  | { readonly kind: 'lose the reply' }
  /** The body ends after so many bytes: by a cut, or with a length header that says it was to be so. */
  | { readonly kind: 'cut the body' | 'shorten the body'; readonly afterBytes: number }
  /** One bit of the body is another. */
  | { readonly kind: 'flip a bit'; readonly atByte: number }
  /** Waits for the promise before it passes on. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown> };

export interface FaultyProxy {
  readonly url: string;
  /** Requests passed on or not, as `PUT comp=block`. */
  readonly seen: readonly string[];
  /** The next so many requests that match meet this. */
  readonly plan: (matches: RegExp, fault: Fault, times?: number) => void;
}

/** A proxy before a blob service that misbehaves on command. Goes with its test. */
export async function faultyProxy(target: string): Promise<FaultyProxy> {
  const { hostname, port } = new URL(target);
  const plans: { readonly matches: RegExp; readonly fault: Fault; left: number }[] = [];
  const seen: string[] = [];

  const take = (name: string): Fault | undefined => {
    const plan = plans.find(({ matches, left }) => left > 0 && matches.test(name));
    if (plan) plan.left--;
    return plan?.fault;
  };

  const server = createServer((incoming, outgoing) => {
    const { searchParams } = new URL(incoming.url ?? '/', 'http://proxy');
    const name = `${incoming.method} ${searchParams.has('comp') ? `comp=${searchParams.get('comp')}` : 'blob'}`;
    seen.push(name);
    void pass(incoming, outgoing, take(name));
  });

  async function pass(incoming: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined): Promise<void> {
    if (fault?.kind === 'cut') return void incoming.destroy();
    if (fault?.kind === 'answer') {
      incoming.resume();
      await new Promise((resolve) => incoming.once('end', resolve));
      return void outgoing.writeHead(fault.status, fault.headers).end(fault.body);
    }
    if (fault?.kind === 'hold') await fault.until;
    const { url: path, method, headers } = incoming;
    const upstream = request({ hostname, port, path, method, headers }, (answer) => void reply(answer, outgoing, fault));
    upstream.once('error', () => outgoing.destroy());
    incoming.pipe(upstream);
  }

  async function reply(answer: IncomingMessage, outgoing: ServerResponse, fault: Fault | undefined): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (fault?.kind === 'lose the reply') return void outgoing.destroy();
    const headers = { ...answer.headers };
    if (fault?.kind === 'shorten the body') headers['content-length'] = String(fault.afterBytes);
    if (fault?.kind === 'flip a bit') body[fault.atByte] = (body[fault.atByte] as number) ^ 1;
    outgoing.writeHead(answer.statusCode ?? 500, headers);
    if (fault?.kind === 'cut the body') outgoing.write(body.subarray(0, fault.afterBytes), () => setImmediate(() => outgoing.destroy()));
    else outgoing.end(fault?.kind === 'shorten the body' ? body.subarray(0, fault.afterBytes) : body);
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    plan: (matches, fault, times = 1) => void plans.push({ matches, fault, left: times }),
  };
}
