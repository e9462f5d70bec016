/** What the load process asks of a server under test, and what it answers. */
export interface Figures {
  /** Processor time used so far, user and system. */
  readonly cpuMicros: number;
  readonly rssBytes: number;
}

/** In the server's process: tells where it listens, answers each request for figures, stops with its parent. */
export function serveFigures(url: string, extra: Readonly<Record<string, string>> = {}): void {
  process.on('message', (message) => {
    if (message !== 'figures') return;
    const { user, system } = process.cpuUsage();
    (globalThis as { gc?: () => void }).gc?.();
    process.send?.({ figures: { cpuMicros: user + system, rssBytes: process.memoryUsage.rss() } satisfies Figures });
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ url, ...extra });
}
