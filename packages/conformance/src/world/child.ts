// The program of a child process: opens a subject's place and does one job. Started by spawn.ts alone.
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { systemClock } from '@spacestore/core';
import { loadSubjects } from '../run/subjects.ts';
import type { SubjectKind } from '../spec/kind.ts';
import type { Subject } from '../subject.ts';
import type { ChildOrder, ChildPort } from './child-job.ts';
import { roles } from './roles.ts';

const order = JSON.parse(process.argv[2] ?? '') as ChildOrder;
await work(order.kind);

async function work<Kind extends SubjectKind>(kind: Kind): Promise<void> {
  const subject = (await loadSubjects(order.module)).find((one) => one.name === order.subject && one.kind === kind) as
    | Subject<Kind>
    | undefined;
  if (subject === undefined) throw new Error(`${order.module} exports no ${kind} subject named ${order.subject}`);
  const role = roles[kind][order.job.role];
  if (role === undefined) throw new Error(`no role ${order.job.role} for ${kind}`);
  const store = await subject.open(order.place, { clock: systemClock });
  tell('ready');
  await role(store, order.job.plan, { go: go(), tell });
  await store.close();
  tell('done');
  process.exit(0); // leaks are another law's matter
}

/** One synchronous write, so that the line has left this process when the call returns. */
function tell(line: string): void {
  writeSync(1, `${line}\n`);
}

function go(): ChildPort['go'] {
  const input = createInterface({ input: process.stdin });
  return new Promise((resolve) => {
    input.on('line', (line) => {
      if (line === 'go') resolve();
    });
  });
}
