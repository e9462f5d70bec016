// Packs every publishable package (built before) and uses the packages as a stranger would: publint, attw, all tarballs together in an
// empty project, every entry point imported and its types checked, every command asked for --help, and what runs in browsers bundled
// for a browser.
// Entry points are read from the packed package.json files.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const browserPackages = ['@spacestore/core', '@spacestore/client'];
/** Folders and files are Node's. */
const nodeEntries = ['@spacestore/core/sql/folder'];
/** Exported for being started as a process or thread of its own, not for import. */
const programs = ['@spacestore/conformance/child', '@spacestore/adapter-sqlite/restore-worker'];

// the environment of the package manager that runs this script must not reach the npm of the empty project
const env = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^npm_(?!config_(cache|registry|userconfig|cafile|proxy|https_proxy|noproxy)$)/i.test(name),
  ),
);
const place = mkdtempSync(join(tmpdir(), 'spacestore-pack-'));
const problems = [];

function run(cwd, command, ...args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env, encoding: 'utf8', timeout: 300_000 });
  return { ok: status === 0, output: `${stdout ?? ''}${stderr ?? ''}${error ?? ''}`.trim(), stdout: stdout ?? '' };
}

function must(what, cwd, command, ...args) {
  const result = run(cwd, command, ...args);
  if (!result.ok) problems.push(`${what}: ${[command, ...args].join(' ')}\n${result.output}`);
  return result;
}

const readPackage = (folder) => JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));

function packAll() {
  const tarballs = join(place, 'tarballs');
  mkdirSync(tarballs);
  const packed = [];
  for (const name of readdirSync(join(root, 'packages')).sort()) {
    const folder = join(root, 'packages', name);
    const pkg = readPackage(folder);
    if (pkg.private) continue;
    const tarball = join(tarballs, `${name}.tgz`);
    if (!must(pkg.name, folder, 'pnpm', 'pack', '--out', tarball).ok) continue;
    must(`${pkg.name} publint`, root, 'node_modules/.bin/publint', tarball, '--strict');
    must(`${pkg.name} attw`, root, 'node_modules/.bin/attw', tarball, '--profile', 'esm-only', '--no-emoji', '--no-color');
    packed.push({ name: pkg.name, tarball });
  }
  return packed;
}

/** An empty project with all tarballs in it, and the optional peers that an entry point (such as ./vitest) imports. */
function installAll(packed) {
  const project = join(place, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'stranger', private: true, type: 'module' }));
  const npm = ['install', '--no-audit', '--no-fund', '--prefer-offline'];
  must('npm install', project, 'npm', ...npm, ...packed.map(({ tarball }) => tarball));
  const peers = packed.flatMap(({ name }) => Object.entries(readPackage(join(project, 'node_modules', name)).peerDependencies ?? {}));
  const nodeTypes = ['@types/node', readPackage(join(root, 'node_modules/@types/node')).version];
  must('npm install of peers', project, 'npm', ...npm, ...[...peers, nodeTypes].map(([name, range]) => `${name}@${range}`));
  return project;
}

const entryPoints = (pkg) =>
  Object.keys(pkg.exports)
    .filter((path) => !path.endsWith('.json'))
    .map((path) => pkg.name + path.slice(1))
    .filter((specifier) => !programs.includes(specifier));

function importAll(project, specifier) {
  const file = join(project, 'import.mjs');
  writeFileSync(file, `const all = await import(${JSON.stringify(specifier)});\nconsole.log(Object.keys(all).length);\n`);
  const { ok, stdout } = must(`import '${specifier}'`, project, process.execPath, file);
  if (ok) console.log(`  ${specifier}: ${stdout.trim()} exports`);
}

/** Declarations must mean something where none of our own development packages are: a missing `@types/…` shows here only. */
function checkTypes(project, specifiers) {
  writeFileSync(join(project, 'stranger.ts'), specifiers.map((specifier) => `import ${JSON.stringify(specifier)};\n`).join(''));
  const compilerOptions = { module: 'nodenext', target: 'es2023', lib: ['es2023'], types: ['node'], strict: true, noEmit: true };
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['stranger.ts'] }));
  const { output } = run(project, join(root, 'node_modules/.bin/tsc'), '-p', '.', '--pretty', 'false');
  const ours = output.split('\n').filter((line) => /^(stranger\.ts|node_modules\/@spacestore\/)|^error/.test(line)); // not third parties' own slips
  if (ours.length) problems.push(`types:\n${ours.join('\n')}`);
  else console.log(`  types of ${specifiers.length} entry points`);
}

function askHelp(project, command) {
  const { ok, output } = must(`${command} --help`, project, join(project, 'node_modules/.bin', command), '--help');
  if (ok && !output) problems.push(`${command} --help: prints nothing`);
  if (ok) console.log(`  ${command} --help: ${output.split('\n').length} lines`);
}

async function bundleForBrowser(project, specifier) {
  const stdin = { contents: `export * from ${JSON.stringify(specifier)};`, resolveDir: project };
  try {
    const { outputFiles } = await build({
      stdin,
      bundle: true,
      write: false,
      minify: true,
      platform: 'browser',
      format: 'esm',
      logLevel: 'silent',
    });
    console.log(`  ${specifier}: ${(outputFiles[0].contents.length / 1024).toFixed(1)} KB for browsers`);
  } catch (error) {
    problems.push(`bundle '${specifier}' for browsers: ${error.message}`);
  }
}

try {
  const packed = packAll();
  if (!problems.length) {
    const project = installAll(packed);
    const packages = problems.length ? [] : packed.map(({ name }) => readPackage(join(project, 'node_modules', name)));
    for (const pkg of packages) {
      for (const specifier of entryPoints(pkg)) {
        importAll(project, specifier);
        if (browserPackages.includes(pkg.name) && !nodeEntries.includes(specifier)) await bundleForBrowser(project, specifier);
      }
      for (const command of Object.keys(pkg.bin ?? {})) askHelp(project, command);
    }
    if (packages.length) checkTypes(project, packages.flatMap(entryPoints));
  }
  for (const problem of problems) console.error(`\n${problem}`);
  console.log(`smoke: ${packed.length} packages, ${problems.length} problem${problems.length === 1 ? '' : 's'}`);
} finally {
  rmSync(place, { recursive: true, force: true });
}
process.exit(problems.length ? 1 : 0);
