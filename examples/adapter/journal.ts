import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { crc32, StoreError } from '@spacestore/core';

/** A file of events, one a line. What `add` resolved is on disk; an event that a crash cut off is gone when the file is opened again. */
export interface Journal {
  readonly add: (event: unknown) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** The journal of a folder, after each event it holds was replayed. Throws: corrupt, unavailable. */
export async function openJournal(dir: string, replay: (event: unknown) => void): Promise<Journal> {
  const file = await onDisk(async () => {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    const opened = await open(`${dir}/journal.jsonl`, 'a+', 0o600);
    await syncFolder(dir); // or a power cut takes the file's name
    return opened;
  });
  try {
    const text = await onDisk(() => file.readFile('utf8'));
    const wholeBytes = replayLines(text, replay);
    await onDisk(async () => {
      await file.truncate(wholeBytes);
      await file.datasync();
    });
  } catch (error) {
    await file.close();
    throw error;
  }
  return journalOf(file);
}

function journalOf(file: FileHandle): Journal {
  let broken = false;
  return {
    add: async (event) => {
      if (broken) throw new StoreError('unavailable', 'a write has failed: open the store again');
      const json = JSON.stringify(event);
      // Until both have succeeded nobody knows what the file ends with, so nothing may be written behind it.
      broken = true;
      await onDisk(async () => {
        await file.appendFile(`${crcOf(json)} ${json}\n`);
        await file.datasync();
      });
      broken = false;
    },
    close: () => onDisk(() => file.close()),
  };
}

/** Replays every whole line and tells how many bytes they have. Only the last line may be cut: each is on disk before the next begins.
 *  Throws: corrupt. */
function replayLines(text: string, replay: (event: unknown) => void): number {
  const lines = text.split('\n');
  const events = lines.map((line) => (line.slice(0, 8) === crcOf(line.slice(9)) ? { json: line.slice(9) } : undefined));
  const end = events.findIndex((event, i) => event === undefined || i === lines.length - 1); // behind the last break is no whole line
  if (end < lines.length - 2) throw new StoreError('corrupt', 'a line of the journal is damaged', { context: { line: end + 1 } });
  const whole = events.slice(0, end);
  for (const event of whole) replay(JSON.parse(event?.json ?? ''));
  return Buffer.byteLength(
    lines
      .slice(0, end)
      .map((line) => `${line}\n`)
      .join(''),
  );
}

function crcOf(json: string): string {
  return crc32(new TextEncoder().encode(json)).toString(16).padStart(8, '0');
}

async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** An error of the file system is `unavailable`: worth a retry, and never "empty". */
async function onDisk<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    throw new StoreError('unavailable', 'the journal could not be read or written', { cause });
  }
}
