import type { ChannelListener } from '@spacestore/core/sql/postgres';
import { Client, type ClientConfig } from 'pg';

/** A connection that only listens does not notice that the other end is gone, unless it is asked now and then. */
const [heartbeatMs, answerWithinMs] = [15_000, 5000];

/** Between two attempts to connect: the delay doubles up to the longest. */
const [firstDelayMs, longestDelayMs] = [100, 5000];

/** Hears a channel over a connection of its own, and opens it again whenever it breaks, until the function this returns is called. */
export function listenOn(config: ClientConfig, channel: string, listener: ChannelListener): () => Promise<void> {
  let current: Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  let delayMs = firstDelayMs;
  let isStopped = false;

  const connect = async (): Promise<void> => {
    const client = new Client(config);
    current = client;
    let isHearing = false;
    client.on('error', () => undefined); // 'end' follows
    client.on('notification', ({ payload }) => listener.message(payload ?? ''));
    client.once('end', () => {
      if (isHearing) listener.interrupted();
      again(client);
    });
    try {
      await client.connect();
      await client.query(`LISTEN ${client.escapeIdentifier(channel)}`);
    } catch (error) {
      void error; // tried again
      client.end().catch(() => undefined);
      again(client);
      return;
    }
    if (isStopped) return;
    isHearing = true;
    beat(client);
    delayMs = firstDelayMs;
    listener.connected();
  };

  const beat = (client: Client): void => {
    timer = setTimeout(() => {
      client.query({ text: 'SELECT 1', query_timeout: answerWithinMs } as { text: string }).then(
        () => {
          if (!isStopped && current === client) beat(client);
        },
        () => client.connection.stream.destroy(),
      );
    }, heartbeatMs);
    timer.unref();
  };

  const again = (client: Client): void => {
    if (isStopped || current !== client) return;
    current = undefined;
    clearTimeout(timer);
    timer = setTimeout(() => void connect(), delayMs);
    delayMs = Math.min(delayMs * 2, longestDelayMs);
  };

  void connect();
  return async () => {
    isStopped = true;
    clearTimeout(timer);
    await current?.end();
  };
}
