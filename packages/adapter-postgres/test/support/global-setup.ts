import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { starterVariable, startServer } from './server.ts';

/** Starts a PostgreSQL server for all test files together, when the first of them asks for it. It ends with this process. */
export default async function setup(): Promise<() => Promise<void>> {
  let started: Promise<string> | undefined;
  const starter = createServer((_, reply) => {
    started ??= startServer();
    started.then(
      (url) => reply.end(url),
      (error: unknown) => reply.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => starter.listen(0, '127.0.0.1', resolve));
  process.env[starterVariable] = `http://127.0.0.1:${(starter.address() as AddressInfo).port}`;
  return () => new Promise((resolve) => starter.close(() => resolve()));
}
