import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Clock, StoreError, systemClock } from '@spacestore/core';
import { destination } from 'pino';
import { composeStores } from './compose-adapters.ts';
import { composeAuth, composeMetricsAuth } from './compose-auth.ts';
import { composeKeys } from './compose-keys.ts';
import { composeLayers, defaultTimeoutMs } from './compose-layers.ts';
import type { Config } from './config/config.ts';
import { parseConfig } from './config/parse-config.ts';
import { createServer, type SpacestoreServer } from './create-server.ts';
import { serverLogger } from './http/logging.ts';
import { createMetrics } from './metrics.ts';
import { attachSync } from './sync/attach-sync.ts';
import type { AttachSync } from './sync-part.ts';

export interface ComposeOptions {
  /** The WebSocket side; the server's own if absent. */
  readonly sync?: AttachSync;
  readonly clock?: Clock;
}

/** A server as a configuration describes it, not listening yet. It holds the data folder until it is closed.
 *  Throws: invalid where the configuration is wrong, busy if another server holds the folder, unavailable. */
export async function composeServer(
  config: Config,
  { sync = attachSync, clock = systemClock }: ComposeOptions = {},
): Promise<SpacestoreServer> {
  const dataDir = resolve(config.data ?? './data');
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const auth = await composeAuth({ ...config, data: dataDir }, clock);
  const keys = await composeKeys({ ...config, data: dataDir });
  const { stores, hints, ready, release } = await composeStores({ ...config, data: dataDir }, clock);
  const metrics = createMetrics();
  try {
    metrics.fsyncSeconds.set(await measureSync(dataDir));
    return await createServer({
      ...composeLayers(stores, { timeoutMs: config.timeoutMs ?? defaultTimeoutMs, keys, metrics }),
      auth,
      keys,
      clock,
      metrics,
      ready,
      release,
      ...(hints && { hints }),
      logger: serverLogger(config.log?.level ?? 'info', destination({ fd: 2, sync: true })), // standard output is for what a command answers
      sync,
      ...(config.limits && { limits: config.limits }),
      ...(config.origins && { origins: config.origins }),
      ...(config.tls && { tls: config.tls }),
      ...(config.trustedProxies && { trustedProxies: config.trustedProxies }),
      ...(config.insecure !== undefined && { insecure: config.insecure }),
      ...(config.metricsTokenSha256 && { metricsAuth: composeMetricsAuth(config.metricsTokenSha256) }),
    });
  } catch (error) {
    metrics.close();
    await release();
    throw error;
  }
}

/** The configuration of a file, or the default one. Only here is the environment read. */
export async function loadConfig(path: string | undefined): Promise<Config> {
  if (path === undefined) return {};
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new StoreError('unavailable', `the config file ${path} could not be read`, { cause });
  }
  return parseConfig(text, process.env);
}

/** Seconds that making a few bytes safe takes where the data lies: what an acknowledgement waits for at least. */
async function measureSync(folder: string): Promise<number> {
  const path = join(folder, `.sync-${process.pid}.tmp`);
  const file = await open(path, 'wx', 0o600);
  try {
    const rounds = 5;
    const start = performance.now();
    for (let round = 0; round < rounds; round++) {
      await file.write(new Uint8Array(4096), 0, 4096, round * 4096);
      await file.datasync();
    }
    return (performance.now() - start) / 1000 / rounds;
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}
