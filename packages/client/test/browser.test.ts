import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type BuildResult, build } from 'esbuild';
import { chromium } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { BrowserReport } from './support/browser-page.ts';
import { startRealServer, tokenOf, workspace } from './support/real-server.ts';
import { record } from './support/records.ts';

const chromiumPath = '/usr/bin/chromium';
const chromiumIsMissing = !existsSync(chromiumPath);
const requireAll = process.env.SPACESTORE_REQUIRE_ALL === '1';

/** The client and its page as a browser gets them: only the conditions a bundler for browsers uses, and our sources. */
async function bundle(): Promise<BuildResult<{ metafile: true; write: false }>> {
  return build({
    entryPoints: [fileURLToPath(new URL('support/browser-page.ts', import.meta.url))],
    bundle: true,
    write: false,
    metafile: true,
    format: 'iife',
    platform: 'browser',
    target: 'es2023',
    conditions: ['@spacestore/source', 'browser', 'import'],
    logLevel: 'silent',
  });
}

describe('the client in a browser', () => {
  test('its bundle holds nothing of Node', async () => {
    const { metafile, outputFiles } = await bundle();
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.length).toBeGreaterThan(20);
    expect(inputs.filter((path) => /(-node|\/node)\.ts$|node_modules\/ws\//.test(path))).toEqual([]);
    const imported = Object.values(metafile.outputs).flatMap(({ imports }) => imports.map(({ path }) => path));
    expect(imported.filter((path) => isBuiltin(path))).toEqual([]);
    expect(outputFiles[0]?.text).not.toMatch(/require\(|node:|process\.|\bBuffer\b/);
  });

  test.skipIf(chromiumIsMissing && !requireAll)(
    `reads compressed pages, appends and sees all saved, in Chromium (${chromiumPath})`,
    async () => {
      const server = await startRealServer();
      const script = (await bundle()).outputFiles[0]?.text ?? '';
      const pages = createServer((request, response) => {
        const isScript = request.url === '/client.js';
        response.writeHead(200, { 'content-type': isScript ? 'text/javascript' : 'text/html' });
        response.end(
          isScript ? script : '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><script src="/client.js"></script>',
        );
      });
      await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
      const { port } = pages.address() as { port: number };
      const browser = await chromium.launch({
        executablePath: chromiumPath,
        args: [
          '--no-sandbox',
          '--headless',
          '--disable-gpu',
          '--disable-quic',
          '--no-first-run',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
        ],
      });
      try {
        await server.ops().append(
          workspace,
          Array.from({ length: 3000 }, (_, i) => record(i)),
        );
        const page = await browser.newPage();
        await page.goto(`http://127.0.0.1:${port}/`);
        const report = (await page.evaluate(
          ([url, token]) => (globalThis as unknown as { runClient: (...args: unknown[]) => unknown }).runClient(url, token, 3000),
          [server.url, tokenOf('owner')] as const,
        )) as BrowserReport;
        expect(report.inflated).toBeGreaterThan(0);
        expect(report).toMatchObject({
          received: 3000,
          bodies: true,
          status: { pending: 0, acknowledged: 2, connected: 'live' },
          head: 3002,
          file: { sent: true, same: true, progress: 700_000 },
        });
      } finally {
        await browser.close();
        pages.closeAllConnections();
        await new Promise((resolve) => pages.close(resolve));
        await server.stop();
      }
    },
  );
});
