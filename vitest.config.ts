import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Not Vite's `module`: packages keep there what only bundlers can load.
const conditions = ['@spacestore/source', 'node', 'development|production'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    // Child processes start from sources: what was compiled once is kept.
    env: { NODE_COMPILE_CACHE: fileURLToPath(new URL('.cache/node', import.meta.url)) },
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
    globalSetup: ['packages/adapter-postgres/test/support/global-setup.ts'],
    reporters: ['default', ['json', { outputFile: '.cache/vitest.json' }]], // scripts/no-skips.mjs reads the report
    projects: [{ extends: true, test: { name: 'unit', include: ['packages/*/test/**/*.test.ts'] } }],
  },
});
