import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** The calls that change what is at rest, or force it there. */
const killable = 'write,pwrite64,writev,pwritev,fsync,fdatasync,ftruncate,rename,unlink';

/** A call of a process, by which it is found again in a later run of the same work: the first thread whose `n`-th call of that name this is. */
export interface KillPoint {
  readonly call: string;
  readonly n: number;
}

/** Where a process can be killed so that it means something. */
export interface KillPoints {
  /** Between its first and its last acknowledgement. */
  readonly amongAcks: readonly KillPoint[];
  /** Before the first one: while it opens its store and makes its files. */
  readonly beforeAcks: readonly KillPoint[];
}

/** The command that runs another and writes down the calls at which it could be killed, and its acknowledgements. */
export const traceKillable = (output: string): readonly string[] => [
  'strace',
  '-f',
  '-qq',
  '-s',
  '16',
  '-e',
  `trace=${killable}`,
  '-o',
  output,
  '--',
];

/** The command that runs another and kills it at a call. strace counts each thread and each name by itself. */
export const killAt = ({ call, n }: KillPoint): readonly string[] => [
  'strace',
  '-f',
  '-qq',
  '-o',
  '/dev/null',
  '-e',
  `trace=${call}`,
  '-e',
  `inject=${call}:signal=SIGKILL:when=${n}`,
  '--',
];

/** Reads what `traceKillable` wrote. */
export async function readKillPoints(trace: string): Promise<KillPoints> {
  const counts = new Map<string, number>();
  const reached = new Map<string, number>();
  const before: KillPoint[] = [];
  let among: KillPoint[] = [];
  let sinceLastAck: KillPoint[] = [];
  let acks = 0;
  for await (const line of createInterface({ input: createReadStream(trace) })) {
    const [, thread, call, rest = ''] = /^(\d+)\s+(\w+)\((.*)$/.exec(line) ?? [];
    if (thread === undefined || call === undefined) continue; // the end of a call begun before
    const n = (counts.get(`${thread} ${call}`) ?? 0) + 1;
    counts.set(`${thread} ${call}`, n);
    if (n > (reached.get(call) ?? 0)) {
      reached.set(call, n);
      (acks === 0 ? before : sinceLastAck).push({ call, n });
    }
    if (call !== 'write' || !rest.startsWith('1, "ack ')) continue;
    if (acks++ > 0) among = [...among, ...sinceLastAck];
    sinceLastAck = [];
  }
  return { amongAcks: among, beforeAcks: before };
}
