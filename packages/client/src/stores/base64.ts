import { StoreError } from '@spacestore/core';

const chunk = 8192;

export function encodeBase64(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += chunk) text += String.fromCharCode(...bytes.subarray(at, at + chunk));
  return btoa(text);
}

/** Throws: unavailable: a server that sends other text is not understood. */
export function decodeBase64(text: unknown): Uint8Array {
  try {
    const binary = atob(text as string);
    const bytes = new Uint8Array(binary.length);
    for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
    return bytes;
  } catch (cause) {
    throw new StoreError('unavailable', 'the answer holds bytes that are not base64', { cause });
  }
}
