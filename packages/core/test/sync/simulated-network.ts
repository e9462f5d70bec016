import type { ClientMessage, ServerMessage } from '../../src/sync/messages.ts';
import type { VirtualTime } from './virtual-time.ts';

/** One connection as the server sees it. */
export interface ServerEnd {
  readonly send: (message: ServerMessage) => void;
  readonly close: () => void;
}

/** What a server does with a connection. */
export interface Accepted {
  readonly receive: (message: ClientMessage) => void;
  readonly closed: () => void;
}

export interface ClientEnd {
  readonly send: (message: ClientMessage) => void;
  readonly close: () => void;
  /** Breaks it: what is under way in either direction is lost, or not, as the network pleases. */
  readonly cut: () => void;
}

export interface SimulatedNetwork {
  readonly connect: (on: {
    readonly open: (end: ClientEnd) => void;
    readonly message: (message: ServerMessage) => void;
    readonly closed: () => void;
  }) => void;
  /** Cuts every connection. */
  readonly cutAll: () => void;
}

/** Ordered connections with delays of their own; on a cut each side keeps what had arrived and may get some of what was under way. */
export function simulatedNetwork(time: VirtualTime, accept: () => ((end: ServerEnd) => Accepted) | undefined): SimulatedNetwork {
  const open = new Set<() => void>();
  const lane = (): ((work: () => void) => void) => {
    let last = 0;
    return (work) => {
      last = Math.max(last, time.now() + (time.random() < 0.1 ? 400 : 20) * time.random());
      time.at(last, work);
    };
  };
  return {
    cutAll: () => {
      for (const cut of open) cut();
    },
    connect: (on) => {
      const up = lane();
      const down = lane();
      let alive = true;
      let cutAt = Number.POSITIVE_INFINITY;
      up(() => {
        const acceptor = accept();
        if (acceptor === undefined || !alive) {
          down(() => on.closed());
          return;
        }
        let serverAlive = true;
        let clientAlive = true;
        const endServer = (): void => {
          if (!serverAlive) return;
          serverAlive = false;
          accepted.closed();
        };
        const endClient = (): void => {
          if (!clientAlive) return;
          clientAlive = false;
          on.closed();
        };
        const cut = (): void => {
          if (!alive) return;
          alive = false;
          open.delete(cut);
          // What is on the wire until then still arrives: an acknowledgement may be lost, or a batch.
          cutAt = time.now() + 200 * time.random();
          time.at(cutAt, endClient);
          time.at(time.now() + 200 * time.random(), endServer);
        };
        open.add(cut);
        const accepted = acceptor({
          send: (message) =>
            down(() => {
              if (clientAlive && time.now() < cutAt) on.message(message);
            }),
          close: () => {
            serverAlive = false;
            open.delete(cut);
            down(endClient);
          },
        });
        down(() => {
          if (!clientAlive) return;
          on.open({
            send: (message) =>
              up(() => {
                if (serverAlive) accepted.receive(message);
              }),
            close: () => {
              clientAlive = false;
              open.delete(cut);
              up(endServer);
            },
            cut,
          });
        });
      });
    },
  };
}
