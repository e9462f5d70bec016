import type { ChangeHints, ChangeListener } from '../../contracts/change-hints.ts';
import { decodeHints, encodeHints } from '../../hints/hint-text.ts';
import { pendingHints } from '../../hints/pending-hints.ts';
import type { Schedule } from '../group-commit.ts';
import { newIncarnation } from '../log/log-head.ts';
import type { PostgresEngine } from './engine.ts';

/** NOTIFY fails at 8,000 bytes. */
const maxTextLength = 7900;

/** Change hints by LISTEN and NOTIFY. A listener has a connection of its own, which a pooler that hands out transactions must not be between.
 *  Channels belong to a database, so the channel is named after the schema. */
export function notifyHints(engine: PostgresEngine, schema: string, schedule: Schedule): ChangeHints {
  const channel = `${schema}_hints`;
  const sender = newIncarnation(); // 64 random bits: notifications come back to who sent them
  const listeners = new Set<ChangeListener>();
  const pending = pendingHints();
  let stop: (() => Promise<void>) | undefined;
  let sending: Promise<void> | undefined;
  let isHearing = false;
  let isClosed = false;

  const hear = (text: string): void => {
    let message: ReturnType<typeof decodeHints>;
    try {
      message = decodeHints(text);
    } catch (error) {
      void error; // of a newer release, or not ours: whatever it says, the heads know
      for (const listener of listeners) listener.reconnected();
      return;
    }
    if (message.sender === sender) return;
    for (const listener of listeners) for (const hint of message.hints) listener.hint(hint);
  };

  const send = async (): Promise<void> => {
    for (let hints = pending.take(); hints.length > 0; hints = pending.take()) {
      const steps = encodeHints({ sender, hints }, maxTextLength).map((text) => ({
        sql: 'SELECT pg_notify($1, $2)',
        values: [channel, text],
      }));
      try {
        await engine.use((connection) => connection.send(steps));
      } catch (error) {
        void error; // lost, as a hint may be: the other servers' poll finds what they were not told
      }
    }
    sending = undefined;
  };

  const startSending = (): void => {
    sending ??= send();
  };

  return {
    contractVersion: 1,
    publish: (hint) => {
      // While a message is under way, hints gather for the next.
      if (!isClosed && pending.add(hint) && !sending) schedule(startSending);
    },
    subscribe: (given) => {
      const listener = { ...given };
      listeners.add(listener);
      if (isHearing) schedule(() => listeners.has(listener) && listener.reconnected());
      stop ??= engine.listen(channel, {
        connected: () => {
          isHearing = true;
          for (const each of listeners) each.reconnected();
        },
        interrupted: () => {
          isHearing = false;
        },
        message: hear,
      });
      return () => {
        listeners.delete(listener);
      };
    },
    isListening: () => isHearing,
    close: async () => {
      isClosed = true;
      listeners.clear();
      startSending();
      await sending;
      isHearing = false;
      await stop?.();
    },
  };
}
