// One configuration for every package (run inside the package): what to build follows from its package.json, so that an entry point
// is written down once. An entry is every file under the private source condition in `exports` and `imports`, and every `bin`.
import { readFileSync } from 'node:fs';
import { defineConfig } from 'tsup';

type Conditional = string | { readonly [condition: string]: Conditional };

const pkg = JSON.parse(readFileSync('package.json', 'utf8')) as {
  exports: Record<string, Conditional>;
  imports?: Record<string, Conditional>;
  bin?: Record<string, string>;
};

const sources = (value: Conditional, condition = ''): string[] =>
  typeof value === 'string'
    ? condition === '@spacestore/source'
      ? [value]
      : []
    : Object.entries(value).flatMap(([name, inner]) => sources(inner, name));

const bins = Object.values(pkg.bin ?? {}).map((file) => file.replace(/^\.\/dist\//, './src/').replace(/\.js$/, '.ts'));
const entries = [...sources(pkg.exports), ...sources(pkg.imports ?? {}), ...bins].map((file) => file.replace(/^\.\//, ''));

export default defineConfig({
  entry: Object.fromEntries(entries.map((file) => [file.replace(/^src\//, '').replace(/\.ts$/, ''), file])),
  external: Object.keys(pkg.imports ?? {}), // resolved where the package runs: Node and browsers get different files
  format: 'esm',
  target: 'es2023',
  dts: false, // declarations come from tsc: tsup's own step needs an API that TypeScript 7 does not have
  removeNodeProtocol: false,
  sourcemap: true,
  clean: true,
});
