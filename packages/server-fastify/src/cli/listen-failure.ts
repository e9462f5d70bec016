import { StoreError } from '@spacestore/core';

/** What to do about an address that could not be listened on; any other failure as it is. */
export function listenFailure(error: unknown): unknown {
  const { code, address, port } = error as NodeJS.ErrnoException & { readonly address?: string; readonly port?: number };
  if (code === 'EADDRINUSE')
    return new StoreError(
      'invalid',
      `port ${port} of ${address} is taken by another program: choose one with --port, or 0 for any free one`,
      { cause: error },
    );
  if (code === 'EACCES')
    return new StoreError('invalid', `this user may not listen on port ${port}: choose one above 1023 with --port`, { cause: error });
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return new StoreError('invalid', 'this machine has no such address: --host takes one of its own, or 0.0.0.0 for all', { cause: error });
  return error;
}
