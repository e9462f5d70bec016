import { Agent, createServer, request as forward, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What happens to one request: it is refused as too much (three times in a row), never arrives, is answered and the answer is lost; or the content
 *  it asked for is cut off, is shorter than it was, has a bit flipped. */
export type WireFault = 'busy' | 'request lost' | 'reply lost' | 'body cut' | 'body shortened' | 'body altered';

export const wireFaults: readonly WireFault[] = ['busy', 'request lost', 'reply lost', 'body cut', 'body shortened', 'body altered'];

/** A hand on the wire between a store and its server. */
export interface Wire {
  /** The fault is to meet the request that comes after so many others. */
  readonly arm: (fault: WireFault, after: number) => void;
  /** The wire is well again. Tells whether the fault met its request, found nothing there to spoil, or no such request came. */
  readonly disarm: () => 'met' | 'passed' | 'not reached';
}

export interface WireProxy extends Wire {
  /** Where the store finds its server now. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

const busyTimes = 3;

/** An HTTP server that passes everything on to another, spoils what it is told to, and keeps the `Host` that signatures cover.
 *  `isContent` says which requests ask for content: nobody can tell other answers from spoilt ones. */
export async function wireProxy(
  target: string,
  isContent: (request: { readonly method: string; readonly path: string }) => boolean,
): Promise<WireProxy> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: false }); // kept sockets would look like a store's leak
  let armed: { readonly fault: WireFault; left: number; met: boolean; passed: boolean; busy: number } | undefined;

  /** The fault of this request, if it is its turn. */
  const faultOf = (): WireFault | undefined => {
    if (armed === undefined) return undefined;
    if (armed.busy > 0) {
      armed.busy -= 1;
      return 'busy';
    }
    armed.left -= 1;
    if (armed.left !== -1) return undefined;
    if (armed.fault === 'busy') armed.busy = busyTimes - 1;
    return armed.fault;
  };
  const note = (met: boolean): void => {
    if (armed === undefined) return;
    armed.met ||= met;
    armed.passed = true;
  };

  const answer = async (
    request: IncomingMessage,
    response: ServerResponse,
    reply: IncomingMessage,
    fault: WireFault | undefined,
  ): Promise<void> => {
    const { method = '', url: path = '' } = request;
    const spoils =
      fault?.startsWith('body') === true && reply.statusCode !== undefined && reply.statusCode < 300 && isContent({ method, path });
    if (fault === undefined || (!spoils && fault !== 'reply lost')) {
      if (fault !== undefined) note(false);
      response.writeHead(reply.statusCode ?? 502, reply.rawHeaders);
      reply.pipe(response);
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of reply) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    if (fault === 'reply lost') {
      note(true);
      request.socket.destroy();
      return;
    }
    note(body.length > 0);
    const half = body.subarray(0, Math.floor(body.length / 2));
    if (fault === 'body cut') {
      response.writeHead(reply.statusCode ?? 502, reply.rawHeaders);
      response.write(half, () => (body.length > 0 ? request.socket.destroy() : response.end()));
      return;
    }
    if (fault === 'body altered' && body.length > 0) body[half.length] = (body[half.length] as number) ^ 1;
    const sent = fault === 'body shortened' ? half : body;
    const headers = { ...reply.headers, 'content-length': String(sent.length) };
    response.writeHead(reply.statusCode ?? 502, headers).end(sent);
  };

  const server = createServer({ keepAlive: true, requestTimeout: 0 }, (request, response) => {
    const fault = faultOf();
    if (fault === 'request lost') {
      note(true);
      request.socket.destroy();
      return;
    }
    if (fault === 'busy') {
      note(true);
      request.resume(); // the answer comes first, as from a server that has no room
      response.writeHead(503, { 'retry-after': '1', connection: 'close' }).end();
      return;
    }
    const onward = forward({ agent, hostname, port, method: request.method, path: request.url, headers: request.headers, setHost: false });
    onward.once('response', (reply) => void answer(request, response, reply, fault).catch(() => request.socket.destroy()));
    onward.once('error', () => request.socket.destroy());
    response.once('close', () => {
      if (!response.writableFinished) onward.destroy(); // the store gave up
    });
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arm: (fault, after) => {
      armed = { fault, left: after, met: false, passed: false, busy: 0 };
    },
    disarm: () => {
      const state = armed?.met === true ? 'met' : armed?.passed === true ? 'passed' : 'not reached';
      armed = undefined;
      return state;
    },
    close: async () => {
      agent.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
