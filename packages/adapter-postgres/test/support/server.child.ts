// A PostgreSQL server that lives as long as whoever holds this program's standard input, however that ends.
import { startEmbedded } from './embedded.ts';

const server = await startEmbedded();
process.stdout.write(`${server.url}\n`);
process.stdin.resume();
process.stdin.once('close', () => void server.remove().then(() => process.exit(0)));
