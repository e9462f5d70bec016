import { isStoreError, StoreError, type StoreErrorCode } from '@spacestore/core';

/** What a system error means to a caller. A full disk is `unavailable`: nothing the caller stores less of would help, and it may pass. */
const codes: Readonly<Record<string, StoreErrorCode>> = {
  EACCES: 'unavailable',
  EPERM: 'unavailable',
  EROFS: 'unavailable',
  EIO: 'unavailable',
  ENOSPC: 'unavailable',
  EDQUOT: 'unavailable',
  EMFILE: 'busy',
  ENFILE: 'busy',
  EBUSY: 'busy',
  ELOOP: 'corrupt',
  ENOTDIR: 'corrupt',
  EISDIR: 'corrupt',
};

/** Runs work on the file system; its errors come out as the store's. Never put around the caller's own source. */
export async function onDisk<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    if (isStoreError(cause)) throw cause;
    const errno = errnoOf(cause);
    if (errno === undefined) throw cause;
    throw new StoreError(codes[errno] ?? 'unavailable', `the folder of the blobs answered ${errno}`, { context: { errno }, cause });
  }
}

export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** The result, or undefined if the file system says that something on the way is not there. Every other error stays one. */
export async function unlessMissing<Result>(work: Promise<Result>): Promise<Result | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export function notOurs(what: string): StoreError {
  return new StoreError('corrupt', `${what} in the folder of the blobs: refused, nothing behind it is read or written`);
}
