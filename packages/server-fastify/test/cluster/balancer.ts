import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What stands before several servers: new connections go to them in turn. */
export interface Balancer {
  readonly url: string;
  /** As after a failed health check: its connections are cut, and it gets no new ones. */
  readonly take: (port: number) => void;
  readonly give: (port: number) => void;
  readonly close: () => Promise<void>;
}

export async function openBalancer(): Promise<Balancer> {
  const ports: number[] = [];
  const open = new Map<Socket, number>();
  let turn = 0;
  const server = createServer((client) => {
    const port = ports[turn++ % Math.max(1, ports.length)];
    if (port === undefined) {
      client.destroy();
      return;
    }
    const target = connect(port, '127.0.0.1');
    open.set(client, port);
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      from.pipe(to);
      from.on('error', () => from.destroy());
      from.on('close', () => {
        to.destroy();
        open.delete(client);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (which: (port: number) => boolean): void => {
    for (const [socket, port] of open) if (which(port)) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take: (port) => {
      ports.splice(ports.indexOf(port), 1);
      cut((each) => each === port);
    },
    give: (port) => void ports.push(port),
    close: async () => {
      cut(() => true);
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
