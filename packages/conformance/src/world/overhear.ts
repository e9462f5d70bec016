import type { Trail } from './raw-scan.ts';

/** Does work and tells what this process printed meanwhile, through the console or past it. */
export async function overhear(work: () => Promise<void>): Promise<readonly Trail[]> {
  const heard: Trail[] = [];
  const note = (where: string, text: unknown): void => {
    heard.push({ where, bytes: text instanceof Uint8Array ? text : Buffer.from(String(text)) });
  };
  const undos: (() => void)[] = [];
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = process[name];
    const own = Object.getOwnPropertyDescriptor(stream, 'write');
    const write = stream.write.bind(stream) as (...args: readonly unknown[]) => boolean;
    stream.write = (chunk: unknown, ...rest: unknown[]): boolean => {
      note(name, chunk);
      return write(chunk, ...rest);
    };
    undos.push(() => {
      if (own) Object.defineProperty(stream, 'write', own);
      else Reflect.deleteProperty(stream, 'write');
    });
  }
  for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const) {
    const print = console[name];
    console[name] = (...words: unknown[]): void => {
      for (const word of words) note(`console.${name}`, typeof word === 'string' ? word : (JSON.stringify(word) ?? String(word)));
      print(...words);
    };
    undos.push(() => {
      console[name] = print;
    });
  }
  try {
    await work();
  } finally {
    for (const undo of undos) undo();
  }
  return heard;
}
