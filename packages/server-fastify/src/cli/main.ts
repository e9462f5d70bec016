#!/usr/bin/env node
import { defineCommand, runMain } from 'citty';

/** Each command is loaded when it is called: `token` does not wait for a database library. */
const main = defineCommand({
  meta: { name: 'spacestore', description: 'Keeps the workspaces of local-first apps: operations, files, secrets.' },
  subCommands: {
    serve: () => import('./commands/serve.ts').then(({ serveCommand }) => serveCommand),
    import: () => import('./commands/import.ts').then(({ importCommand }) => importCommand),
    export: () => import('./commands/export.ts').then(({ exportCommand }) => exportCommand),
    verify: () => import('./commands/verify.ts').then(({ verifyCommand }) => verifyCommand),
    backup: () => import('./commands/backup.ts').then(({ backupCommand }) => backupCommand),
    restore: () => import('./commands/restore.ts').then(({ restoreCommand }) => restoreCommand),
    backups: () => import('./commands/backups.ts').then(({ backupsCommand }) => backupsCommand),
    copy: () => import('./commands/copy.ts').then(({ copyCommand }) => copyCommand),
    gc: () => import('./commands/gc.ts').then(({ gcCommand }) => gcCommand),
    reseal: () => import('./commands/reseal.ts').then(({ resealCommand }) => resealCommand),
    stats: () => import('./commands/stats.ts').then(({ statsCommand }) => statsCommand),
    token: () => import('./commands/token.ts').then(({ tokenCommand }) => tokenCommand),
  },
});

await runMain(main);
