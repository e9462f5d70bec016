import type { Server } from 'node:http';
import type { App } from './app-types.ts';

/** From the call it returns on, a connection ends with the answer it was waiting for: a client that keeps it open would hold up the end of the server
 *  for as long as an idle connection may live. Those idle already are ended by the server's own close. */
export function endAfterAnswers(app: App): () => void {
  let ending = false;
  app.addHook('onSend', async (_request, reply) => {
    if (ending) void reply.header('connection', 'close');
  });
  // An answer whose headers had left before can't say it any more.
  app.addHook('onResponse', async () => {
    if (ending) setImmediate(() => (app.server as Server).closeIdleConnections());
  });
  return () => {
    ending = true;
  };
}
