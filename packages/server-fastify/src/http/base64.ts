import { StoreError } from '@spacestore/core';

const strict = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Throws: invalid. Buffer alone would skip what it does not understand. */
export function decodeBase64(text: string): Uint8Array {
  if (!strict.test(text)) throw new StoreError('invalid', 'bytes are given in base64 with padding');
  return new Uint8Array(Buffer.from(text, 'base64'));
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
