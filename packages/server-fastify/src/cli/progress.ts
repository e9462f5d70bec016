import { SingleBar } from 'cli-progress';

export interface Progress {
  readonly add: (amount: number) => void;
  readonly stop: () => void;
}

/** A bar on standard error while a person looks; silent otherwise. `unit` names what is counted. */
export function progress(label: string, unit: string, total: number | undefined): Progress {
  if (!process.stderr.isTTY) return { add: () => undefined, stop: () => undefined };
  const format =
    total === undefined
      ? `${label} {value} ${unit}`
      : `${label} [{bar}] {percentage} % | {value} of {total} ${unit} | {eta_formatted} left`;
  const bar = new SingleBar({ format, hideCursor: true, clearOnComplete: true, stream: process.stderr });
  bar.start(total ?? 0, 0);
  return { add: (amount) => bar.increment(amount), stop: () => bar.stop() };
}

/** The same bytes, counted as they pass. */
export async function* counted(bytes: AsyncIterable<Uint8Array>, shown: Progress): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    shown.add(chunk.length);
    yield chunk;
  }
}
