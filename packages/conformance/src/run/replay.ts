import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LawFailure } from './report.ts';

/** How this kit is called: by the clone's script where it runs from source, by its own name where it is installed. */
const program = import.meta.url.endsWith('.ts') ? 'npm run conformance --' : 'npx spacestore-conformance';

/** One word for a POSIX shell. */
const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** The command that runs the failed case again, for a shell in the folder of the run. `word` names the subject, as on the command line. */
export function replayCommand(word: string, law: string, failure: LawFailure): string {
  return `${program} ${quoted(word)} --law ${law} --replay ${failure.replay}`;
}

/** What names a subject on the command line: the file it is in where that is known, as a name is only found under `packages`. */
export const wordOfModule = (subject: { readonly name: string; readonly module?: string }): string =>
  subject.module?.startsWith('file:') ? relative(process.cwd(), fileURLToPath(subject.module)) : subject.name;
