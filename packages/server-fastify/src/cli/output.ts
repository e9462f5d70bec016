import { isStoreError, type StoreError, type StoreErrorCode } from '@spacestore/core';

/** Prints an answer: one JSON object with `--json`, lines for people otherwise. */
export function print(json: boolean, value: object, lines: readonly string[]): void {
  process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${lines.join('\n')}\n`);
}

/** 0: done. 1: done, and something is wrong that the output names. 2: not done. */
export const exitCodes = { done: 0, found: 1, failed: 2 } as const;

const hints: Partial<Readonly<Record<StoreErrorCode, string>>> = {
  unauthenticated: 'Give a token with --token or --token-file; `spacestore token` makes one.',
  denied: 'Ask an owner or admin of the workspace for a higher role.',
  not_found:
    'Check the name; `spacestore stats` lists the workspaces you can see, `spacestore backups` the backups of one. `--create` makes a workspace on import and restore.',
  busy: 'If a server runs on this folder, go through it with --url and --token, or stop it first.',
  corrupt:
    'If this is about a backup, take another one. Otherwise `spacestore verify` names what is damaged, and a restore brings it back.',
  quota: 'Free space or raise the limit in the configuration.',
};

/** Says what went wrong and what to do, on standard error, and sets the exit code. */
export function fail(json: boolean, error: unknown): void {
  process.exitCode = exitCodes.failed;
  if (!isStoreError(error)) {
    process.stderr.write(
      json ? `${JSON.stringify({ error: { code: 'internal', message: messageOf(error) } })}\n` : `spacestore: ${messageOf(error)}\n`,
    );
    return;
  }
  const { code, message, context } = error;
  if (json) process.stderr.write(`${JSON.stringify({ error: { code, message, context } })}\n`);
  else {
    const hint = hintOf(error);
    const more = Object.keys(context).length > 0 ? `\n  ${JSON.stringify(context)}` : '';
    process.stderr.write(`spacestore: ${code}: ${message}${more}\n${hint ? `  ${hint}\n` : ''}`);
  }
}

/** `denied` is a role's refusal where an action is named; a refused key file or address says itself what to do. */
function hintOf({ code, context }: StoreError): string | undefined {
  return code === 'denied' && context.action === undefined ? undefined : hints[code];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
