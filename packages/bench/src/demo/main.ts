#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { withFolder } from '../measure.ts';
import { type HistoryName, historyNames } from './history.ts';
import { type DemoReport, runDemo } from './run.ts';

const usage = `usage: npm run demo [-- [fastify-history | sila-chats | generated] [options]]

Starts a server on a free port, replays a history from several clients at once, lets one more join cold and follow live,
kills the server (SIGKILL) in the middle, starts it again, and compares what every client has at the end.
Exit code 1 if anything differs or was lost.

  --clients N      writing clients (8)
  --operations N   size of the generated history (200000)
  --json           one JSON object
  --help
`;

function isHistory(name: string): name is HistoryName {
  return (historyNames as readonly string[]).includes(name);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      clients: { type: 'string', default: '8' },
      operations: { type: 'string', default: '200000' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  const [history = 'fastify-history'] = positionals;
  const clients = Number(values.clients);
  const operations = Number(values.operations);
  if (!isHistory(history) || !Number.isInteger(clients) || clients < 1 || !Number.isInteger(operations) || operations < 100) {
    process.stderr.write(`unusable arguments\n\n${usage}`);
    return 2;
  }
  const note = (text: string): void => void process.stderr.write(`${text}\n`);
  const report = await withFolder((dir) => runDemo({ dir, history, clients, operations, note }));
  process.stdout.write(values.json ? `${JSON.stringify(report)}\n` : text(report));
  return report.differences.length === 0 ? 0 : 1;
}

function text(report: DemoReport): string {
  const { sent, acknowledged, acknowledgedBeforeKill, lost, seconds, bytesOnTheWire, serverMegabytes, living, differences } = report;
  return [
    `records sent          ${sent}`,
    `records acknowledged  ${acknowledged} (${acknowledgedBeforeKill} before the kill)`,
    `records lost          ${lost}`,
    `seconds               ${seconds.toFixed(2)} (with the restart)`,
    `records/s             ${Math.round(sent / seconds)}`,
    `bytes on the wire     ${bytesOnTheWire} (${(bytesOnTheWire / sent).toFixed(0)} a record, all clients, both ways)`,
    `server memory         ${serverMegabytes.toFixed(0)} MB`,
    `living vertices       ${living.join(' ')}`,
    ...(differences.length === 0 ? ['every client has the same'] : differences.map((difference) => `DIFFERS: ${difference}`)),
    '',
  ].join('\n');
}

process.exitCode = await main();
