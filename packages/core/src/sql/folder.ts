import type { CallOptions } from '../call.ts';
import type { ByteSource } from '../contracts/blob-store.ts';

/** The one folder that database files live in. Names are of this package's own making and never reach outside. Only the owner may look
 *  into the folder (0700) and its files (0600). Throws: unavailable; corrupt where something else than a plain file has the name. */
export interface Folder {
  readonly pathOf: (name: string) => string;
  readonly exists: (name: string) => boolean;
  readonly names: () => readonly string[];
  /** An empty file of its own. */
  readonly touch: (name: string) => void;
  readonly remove: (name: string) => void;
  /** The file has the other name, also after a power cut; what had it is gone. */
  readonly rename: (from: string, to: string) => void;
  /** What was created, renamed or removed stays so after a power cut. */
  readonly sync: () => void;
  /** A name no other file has, of a file that is swept away when its owner died. */
  readonly temporaryName: (purpose: string) => string;
  /** Removes temporary files that nobody has touched for a day. */
  readonly sweep: () => void;
  /** Writes a new file. Throws also: too_large past `maxBytes`, aborted; an error of the source as it is. */
  readonly write: (name: string, source: ByteSource, maxBytes: number, call: CallOptions | undefined) => Promise<void>;
  /** The bytes of a file, which is removed once nobody holds the source any more, or by `removeSources`. */
  readonly asSource: (name: string) => ByteSource;
  readonly removeSources: () => void;
}
