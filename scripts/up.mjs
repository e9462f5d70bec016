// Works on any Node >= 18 with nothing installed: brings Node 24 (if this one is too old) and pnpm from the npm registry, installs, then runs a script.
// usage: node scripts/up.mjs <script> [arguments]
import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const root = new URL('..', import.meta.url);
const windows = process.platform === 'win32';
const [major, minor] = process.versions.node.split('.').map(Number);
const nodeOk = (major === 22 && minor >= 18) || (major === 24 && minor >= 11) || major >= 26;
const env = { ...process.env };
for (const k of Object.keys(env)) // npm's own npm_* variables would reach pnpm
  if (/^npm_(?!config_(cache|registry|userconfig|cafile|proxy|https_proxy|noproxy|nodedir)$)/i.test(k)) delete env[k];
const tools = [...(nodeOk ? [] : ['-p', 'node@24.21.0']), '-p', 'pnpm@12.21.0'];

const groupLives = (pid) => {
  try {
    return !windows && process.kill(-pid, 0);
  } catch (error) {
    if (error.code === 'ESRCH') return false;
    throw error;
  }
};

/** Runs in a process group of its own, so that a signal reaches the script itself through npx, pnpm and their shells. Resolves with the exit code. */
const run = (stdout, ...args) =>
  new Promise((resolve) => {
    const child = spawn('npx', ['-y', ...tools, ...args], {
      cwd: root,
      env,
      stdio: ['inherit', stdout, 'inherit'],
      shell: windows,
      detached: !windows,
    });
    let stopped = false;
    const stop = (signal) => {
      stopped = true;
      try {
        if (windows) child.kill(signal);
        else if (child.pid !== undefined) process.kill(-child.pid, signal);
      } catch (error) {
        if (error.code !== 'ESRCH') throw error; // already gone
      }
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, stop);
    const parent = process.ppid; // a killed `npm start` takes only its shell along: notice that, and stop too
    const watch = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(watch); // once: a server takes a second signal as "do not wait for open requests"
      stop('SIGTERM');
    }, 500);
    const ended = async (code, signal) => {
      clearInterval(watch);
      while (stopped && groupLives(child.pid)) await sleep(50); // npx and pnpm go at once, a server still closes its files
      for (const s of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.off(s, stop);
      resolve(code ?? (signal === 'SIGINT' ? 130 : 143));
    };
    child.on('exit', (code, signal) => void ended(code, signal));
  });

const installed = await run(2 /* standard output stays the script's own */, 'pnpm', 'install', '--frozen-lockfile');
process.exit(installed || (await run('inherit', 'pnpm', 'run', ...process.argv.slice(2))));
