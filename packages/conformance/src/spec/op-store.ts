import type { LawText } from './law.ts';

type Words = readonly [title: string, why: string];

const groups: Readonly<Record<string, Readonly<Record<string, Words>>>> = {
  semantics: {
    'OP-01': [
      'what was appended is read back: every field, the same bytes, nothing more',
      'An edit that comes back changed is lost twice: once here, once in every replica it reaches.',
    ],
    'OP-02': [
      'appending the same records again changes nothing, is not counted, and resolves',
      'A client that missed an acknowledgement sends again; it must neither fail nor store twice.',
    ],
    'OP-03': [
      'the same id with other bytes is refused as equivocation, names the id, and leaves the whole call out',
      'Two histories under one id make replicas differ for ever.',
    ],
    'OP-04': ['equivocation inside one call is refused as well; equality is of bytes', 'Whoever comes first must not win silently.'],
    'OP-05': ['what is no record is refused as invalid before any effect', 'A counter of NaN or an empty peer poisons every later reader.'],
    'OP-06': [
      'a bad record at any place of a call leaves nothing of it, and the store goes on',
      'Half a batch is a document no user ever made.',
    ],
    'OP-07': ['an empty append resolves and creates nothing', 'Clients flush empty queues; no workspace may appear by that.'],
    'OP-08': [
      'append counts what it added and tells the position of its last record',
      'The server fans out and acknowledges by these numbers.',
    ],
    'OP-09': [
      'arguments are neither changed nor kept, results are fresh, a view is stored by its own bytes',
      'An app that reuses a buffer would rewrite its past.',
    ],
  },
  identity: {
    'OP-10': [
      'bodies are any bytes: empty, NUL, broken UTF-8, text that means something elsewhere, up to the limit',
      'A store that reads meaning into bytes corrupts other codecs and sealed bodies.',
    ],
    'OP-11': [
      'names of object properties are ordinary ids where the grammar allows them, and refused where it does not',
      'A peer called toString must not vanish, and __proto__ must not reach a prototype.',
    ],
    'OP-12': [
      'what is outside the grammar of ids is refused as invalid in every method and never folded, cut, trimmed or normalised',
      'Two users whose names fold together would read each other.',
    ],
    'OP-13': [
      'ids that read the same once glued together, or fold together, stay distinct',
      'Peer a with counter 11 is not peer a1 with counter 1.',
    ],
    'OP-14': [
      'counters from 0 to 2^53 - 1 are exact and ordered as numbers, ranges across every boundary',
      'Counters cut to 32 bits repeat ids.',
    ],
    'OP-15': [
      'hostile text as an id, a cursor or a query changes nothing anywhere',
      'Injection into one workspace must not reach another.',
    ],
  },
  reads: {
    'OP-16': [
      'after any sequence of calls reads, vector, trees and head equal the model',
      'The whole contract at once: laws that hold one by one may break in sequence.',
    ],
    'OP-17': [
      'a second handle sees what the first was told is committed, and never goes back',
      'A reader that goes back in time loses edits it has shown.',
    ],
    'OP-18': [
      'every read is in position order, and order by id is by bytes and by number',
      'Order by locale or by text differs between machines.',
    ],
    'OP-19': [
      'vector is exact: maximal sorted ranges, gaps kept, nothing empty, whatever the page size',
      'A vector that claims a record it lacks hides it from every exchange.',
    ],
    'OP-20': [
      'read({missing}) returns exactly what the vector lacks',
      'One record too few is lost for that replica; all records too many is a flood.',
    ],
    'OP-21': [
      'exchange by vectors: missing nothing is everything, missing the vector is nothing, two rounds make two logs equal',
      'Repair between stores rests on it.',
    ],
    'OP-22': ['a range of dates is half open and exact to the millisecond', 'As it was at that time must be one answer.'],
    'OP-23': [
      'pages of any size concatenate to the whole; a tampered or foreign cursor is refused',
      'A page lost at a border is a silent hole.',
    ],
    'OP-24': ['a query left early holds nothing: append, drop and close go on', 'A reader that goes away must not block writers.'],
    'OP-25': [
      'a page ends at its limits, of records and of bytes, and holds at least one record',
      'Without it one page can exceed any memory.',
    ],
    'OP-26': [
      'a query is bounded by its through: what comes later is in none of its pages, and after(through) misses nothing',
      'A resume cursor that skips a record loses it for ever.',
    ],
  },
  concurrency: {
    'OP-27': ['appends at the same time all arrive, each whole', 'A lost update between two tabs is a lost edit.'],
    'OP-28': [
      'the same record from several writers at once is there once, and all are told it is safe',
      'Devices relay each other’s records.',
    ],
    'OP-29': [
      'of conflicting writers at once exactly one wins, the others are refused, and all readers agree',
      'A check before the insert is no check.',
    ],
    'OP-30': [
      'histories of appends and reads at the same time keep the five rules',
      'Dirty reads, torn batches and long forks show only under concurrency.',
    ],
    'OP-31': ['the same over several processes', 'A lock in one process does not hold another.'],
    'OP-33': [
      'contention ends: every call resolves or is refused as busy, and nothing is partial',
      'A deadlock under load is an outage; a partial batch is corruption.',
    ],
    'OP-34': ['appends under way when the store closes are either kept or refused', 'The last edit before quitting is the one users miss.'],
    'OP-35': ['after close every method is closed; closing again is fine', 'Work on a closed store must not seem to succeed.'],
  },
  durability: {
    'OP-36': ['what was acknowledged is there after a reopen and after a crash of the handle', 'Saved means saved.'],
    'OP-37': ['a process killed at any moment leaves every acknowledged batch, and nothing half', 'Batteries run out, phones kill apps.'],
    'OP-37-T2': [
      'a process killed at its n-th write leaves every acknowledged batch, and nothing half',
      'A kill at a random time rarely meets the middle of a commit; this one does.',
    ],
    'OP-39': [
      'when an append is acknowledged everything it wrote has been forced to disk',
      'The page cache survives a kill and hides a missing fsync; a power cut does not.',
    ],
    'OP-41': [
      'a changed byte at rest is an error or no matter, never other data',
      'Disks rot; a CRDT would spread the rot to every replica.',
    ],
  },
  life: {
    'OP-43': ['workspaces don’t touch each other; an unknown one reads as empty and is not created', 'Isolation of users rests on it.'],
    'OP-44': [
      'drop removes a workspace whole and only that; appending again begins a new history',
      'Deleting one workspace must not reach its neighbours by prefix.',
    ],
    'OP-44-raw': ['what was dropped is gone from the bytes at rest', 'Deleted must mean deleted for whoever gets the disk, too.'],
    'OP-45': [
      'listings of workspaces and trees are exact, in byte order, in pages of any size',
      'A backup of all workspaces is a listing.',
    ],
    'OP-47': [
      'an aborted call has no effect, or tells its true outcome; no listener stays behind',
      'An abort reported as failure after a commit makes the app write twice.',
    ],
    'OP-48': [
      'opening and closing a hundred times leaves no open file and nothing that keeps a process alive',
      'A leak of one handle a workspace ends a server in a day.',
    ],
    'OP-49': ['a clock that jumps or runs backwards changes no order and no content', 'Clocks of servers are set back by their admins.'],
    'OP-53': [
      'what is not claimed is refused as unsupported; limits hold at n and refuse n + 1',
      'A promise that is silently not kept is worse than none.',
    ],
  },
  convergence: {
    'OP-51': [
      'replicas over stores, with partitions, duplicates, reordering and restarts, end with equal records and equal documents',
      'It is what all the rest is for.',
    ],
    'OP-52': ['with one record hidden the judge of OP-51 reports divergence', 'A judge that can’t say no proves nothing.'],
  },
  history: {
    'OP-54': [
      'fence raises the epoch and binds every later append and drop that carries one',
      'A removed member must not write through a server that has not heard of it.',
    ],
    'OP-55': [
      'receivedAt never decreases along the log, and is the greater of the clock and the last',
      'As it was at time T is a prefix only then.',
    ],
    'OP-56': [
      'positions are dense, and a cursor of a rolled-back, copied or recreated log is recognised',
      'A silent skip after a restore is the worst loss: nobody notices.',
    ],
    'OP-57': [
      'one refused call among many at the same time leaves the others whole',
      'Group commit must not make one user’s error another’s.',
    ],
    'OP-58': [
      'a restored snapshot has the same records under a new incarnation, and cursors before its end stay good',
      'Clients continue after a restore without a full download, and never skip.',
    ],
  },
};

/** Laws of the first catalogue that the contracts made void, with the reason. */
export const struckOpStoreLaws: Readonly<Record<string, string>> = {
  'OP-32':
    'Contracts have no seam to inject a scheduler into; OP-30 and OP-31 interleave real calls, and the memory store interleaves only at its turns.',
  'OP-18 as order by peer': 'Every read is in position order; the order by bytes is kept for vectors and listings (OP-18, OP-45).',
  'OP-50':
    'A store keeps bytes and understands none: keeping what it does not understand is OP-10; files of earlier versions are the adapter’s own test.',
};

export const opStoreTexts: readonly LawText[] = Object.entries(groups).flatMap(([group, laws]) =>
  Object.entries(laws).map(([id, [title, why]]) => ({ id, title, why, group })),
);

/** The words of a law. */
export function opStoreText(id: string): LawText {
  const text = opStoreTexts.find((one) => one.id === id);
  if (text === undefined) throw new TypeError(`no law ${id}`);
  return text;
}
