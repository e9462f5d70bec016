import { copyFileSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { RawFile, SetupScope } from '@spacestore/conformance';
import { LibsqlDatabase } from '../src/library.ts';

/** The files of a folder as whoever has the key reads them, free pages and all: copies, decrypted page by page. */
export async function decryptedFiles(dir: string, encryptionKey: string, scope: SetupScope): Promise<readonly RawFile[]> {
  const copies = join(await scope.tempDir(), 'decrypted');
  mkdirSync(copies);
  for (const name of readdirSync(dir)) copyFileSync(join(dir, name), join(copies, name));
  for (const name of readdirSync(copies).filter((each) => each.endsWith('.db'))) {
    const copy = new LibsqlDatabase(join(copies, name), { encryptionKey });
    copy.exec("PRAGMA journal_mode = DELETE; PRAGMA rekey = ''");
    copy.close();
  }
  return scope.filesUnder(copies);
}
