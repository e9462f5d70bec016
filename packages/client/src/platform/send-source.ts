import type { ByteSource, CallOptions } from '@spacestore/core';

export interface SourceRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly source: ByteSource & { readonly sizeBytes: number };
  readonly onProgress: ((sentBytes: number, sizeBytes: number) => void) | undefined;
}

/** PUTs a source and tells the status of the answer, which is read to its end. Throws: unavailable, aborted; errors of the source as they are. */
export type SendSource = (request: SourceRequest, call?: CallOptions) => Promise<number>;
