#!/usr/bin/env node
import { stripVTControlCharacters } from 'node:util';
import { StoreError } from '@spacestore/core';
import { defineCommand, runCommand, runMain } from 'citty';
import { knownOptionsOnly } from './known-options.ts';
import { fail } from './output.ts';

/** Each command is loaded when it is called: `token` does not wait for a database library. */
const main = defineCommand({
  meta: { name: 'spacestore', description: 'Keeps the workspaces of local-first apps: operations, files, secrets.' },
  subCommands: {
    serve: () => import('./commands/serve.ts').then(({ serveCommand }) => knownOptionsOnly(serveCommand)),
    import: () => import('./commands/import.ts').then(({ importCommand }) => knownOptionsOnly(importCommand)),
    export: () => import('./commands/export.ts').then(({ exportCommand }) => knownOptionsOnly(exportCommand)),
    verify: () => import('./commands/verify.ts').then(({ verifyCommand }) => knownOptionsOnly(verifyCommand)),
    backup: () => import('./commands/backup.ts').then(({ backupCommand }) => knownOptionsOnly(backupCommand)),
    restore: () => import('./commands/restore.ts').then(({ restoreCommand }) => knownOptionsOnly(restoreCommand)),
    backups: () => import('./commands/backups.ts').then(({ backupsCommand }) => knownOptionsOnly(backupsCommand)),
    copy: () => import('./commands/copy.ts').then(({ copyCommand }) => knownOptionsOnly(copyCommand)),
    gc: () => import('./commands/gc.ts').then(({ gcCommand }) => knownOptionsOnly(gcCommand)),
    reseal: () => import('./commands/reseal.ts').then(({ resealCommand }) => knownOptionsOnly(resealCommand)),
    stats: () => import('./commands/stats.ts').then(({ statsCommand }) => knownOptionsOnly(statsCommand)),
    token: () => import('./commands/token.ts').then(({ tokenCommand }) => knownOptionsOnly(tokenCommand)),
  },
});

const rawArgs = process.argv.slice(2);
if (rawArgs.some((each) => each === '--help' || each === '-h')) await runMain(main);
else
  try {
    await runCommand(main, { rawArgs });
  } catch (error) {
    // runMain would exit with 1, which says that something was found.
    const wrongCall = error instanceof Error && error.name === 'CLIError';
    const message = () => stripVTControlCharacters((error as Error).message).replace(/\.$/, '');
    fail(rawArgs.includes('--json'), wrongCall ? new StoreError('invalid', `${message()}: --help says what there is`) : error);
  }
