// Who may import whom, and a few habits no linter knows. Prints file:line, what is wrong and what to do; exits 1 if anything is.
// Reads text only: nothing of the project is loaded. Circles of imports, of types too, are oxlint's import/no-cycle.
import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path/posix';
import { parseSync } from 'oxc-parser';

process.chdir(new URL('..', import.meta.url).pathname);

const maxLines = 500;
const scope = '@spacestore/';

/** Workspace packages a source file may import. Whatever is not named here is an adapter: core alone. */
const allowedPackages = {
  core: () => [],
  bench: () => 'any',
  'server-fastify': (file) => (/^packages\/server-fastify\/src\/(compose[^/]*\.ts$|cli\/)/.test(file) ? 'any' : ['core']),
};

/** Packages that run in browsers: there, `node:*` only in the files that a `node` condition chooses. */
const browserPackages = { core: /-node\.ts$/, client: /(-node|\/node)\.ts$/ };
const coreLibraries = /^(@noble\/(ciphers|hashes)|@opentelemetry\/api)$/;
const readsEnvironment =
  /\bprocess\s*\??\.\s*env\b|\bprocess\s*\[\s*['"`]env['"`]|\benv\b[^{}=;]*\}\s*=\s*process\b|\bimport\.meta\.env\b/g;
const mayReadEnvironment = /^packages\/(server-fastify\/src\/(compose|config)[^/]*\.ts$|conformance\/src\/run\/|bench\/|[^/]+\/test\/)/;

const sources = globSync('packages/*/src/**/*.ts').map(load);
const others = globSync(['packages/*/test/**/*.ts', 'examples/**/*.ts', 'scripts/**/*.{mjs,ts}'], { exclude: ['**/node_modules/**'] }).map(
  load,
);
const problems = [...sources, ...others].flatMap(checkLength).concat(sources.flatMap(checkSource));

for (const { file, line, text } of problems) console.error(`${file}:${line} ${text}`);
console.error(`rules: ${sources.length} source files, ${problems.length} problem${problems.length === 1 ? '' : 's'}`);
process.exit(problems.length ? 1 : 0);

/** A file's text, its imports (static, dynamic, re-exports, types too) and its code without comments. */
function load(file) {
  const text = readFileSync(file, 'utf8');
  const { comments, errors, module } = parseSync(file, text);
  if (errors.length) throw new Error(`${file}: ${errors[0].message}`);
  let code = text;
  for (const { start, end } of comments) code = code.slice(0, start) + code.slice(start, end).replace(/[^\n]/g, ' ') + code.slice(end);
  const lineAt = (offset) => text.slice(0, offset).split('\n').length;
  const named = (request, names) => ({ specifier: request.value, line: lineAt(request.start), names });
  const imports = [
    ...module.staticImports.map((i) =>
      named(
        i.moduleRequest,
        i.entries.map((e) => e.importName.name),
      ),
    ),
    ...module.staticExports.flatMap((e) => e.entries.filter((entry) => entry.moduleRequest).map((entry) => named(entry.moduleRequest, []))),
    ...module.dynamicImports.flatMap(({ moduleRequest: { start, end } }) => {
      const literal = /^(['"`])([^$]*)\1$/.exec(text.slice(start, end)); // a computed name (a config's adapter) can't be judged here
      return literal ? [{ specifier: literal[2], line: lineAt(start), names: [] }] : [];
    }),
  ];
  return { file, text, code, imports, lineAt };
}

function checkLength({ file, text }) {
  const lines = text.split('\n').length - 1;
  return lines > maxLines
    ? [{ file, line: maxLines + 1, text: `has ${lines} lines, at most ${maxLines}: find its second reason to change and split there` }]
    : [];
}

function checkSource({ file, code, imports, lineAt }) {
  const name = file.split('/')[1];
  const found = [];
  const report = (line, text) => found.push({ file, line, text });

  for (const { specifier, line, names } of imports) {
    if (specifier.startsWith('.')) checkRelative(file, specifier, (text) => report(line, text));
    else if (isBuiltin(specifier)) checkBuiltin(file, name, specifier, names, (text) => report(line, text));
    else if (!specifier.startsWith('#')) checkPackage(file, name, specifier, (text) => report(line, text));
  }
  if (!mayReadEnvironment.test(file))
    for (const match of code.matchAll(readsEnvironment))
      report(
        lineAt(match.index),
        'reads the environment: take the value as an option; only the server’s compose*.ts and config*.ts read it',
      );
  return found;
}

function checkRelative(file, specifier, report) {
  const target = join(dirname(file), specifier);
  if (!target.startsWith(`${file.split('/').slice(0, 3).join('/')}/`))
    report(`imports '${specifier}' outside its own src: import the package by its name`);
  if (/^(\.|\.\.(\/\.\.)*)\/index\.ts$/.test(specifier) || specifier === '.' || specifier === '..')
    report(`imports its own index '${specifier}': import the file that declares what you need`);
}

function checkBuiltin(file, name, specifier, names, report) {
  if (!specifier.startsWith('node:')) report(`imports '${specifier}': write 'node:${specifier}'`);
  if (browserPackages[name] && !browserPackages[name].test(file))
    report(
      `imports '${specifier}', but ${name} runs in browsers: put it in a file that only the node condition of a package import chooses (like #sha256)`,
    );
  if (/^(node:)?process$/.test(specifier) && names.includes('env') && !mayReadEnvironment.test(file))
    report('imports env: take the value as an option; only the server’s compose*.ts and config*.ts read it');
}

function checkPackage(file, name, specifier, report) {
  const target = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  const { dependencies = {}, peerDependencies = {} } = manifest(name);
  if (target === scope + name) report(`imports its own package '${specifier}': import the file that declares what you need`);
  else if (target.startsWith(scope)) {
    const allowed = (allowedPackages[name] ?? (() => ['core']))(file);
    if (allowed !== 'any' && !allowed.includes(target.slice(scope.length)))
      report(
        name === 'server-fastify'
          ? `imports '${specifier}': only src/compose*.ts and src/cli may; take a built store as a value`
          : `imports '${specifier}': ${name} may import ${allowed.length ? allowed.map((p) => scope + p).join(', ') : 'no workspace package'}; move what both need to core`,
      );
  } else if (name === 'core' && !coreLibraries.test(target))
    report(`imports '${specifier}': core depends on @noble/ciphers, @noble/hashes and @opentelemetry/api only`);
  if (target !== scope + name && !(target in dependencies) && !(target in peerDependencies))
    report(`imports '${specifier}', which packages/${name}/package.json does not list: add it to dependencies`);
}

function manifest(name) {
  return JSON.parse(readFileSync(`packages/${name}/package.json`, 'utf8'));
}
