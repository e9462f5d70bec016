import type { SqlValue } from '../sql.ts';

const encoder = new TextEncoder();
const asciiDecoder = new TextDecoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** How bytes are kept: TEXT where they are UTF-8 without NUL, so that SQL can look into them and they are read faster, BLOB otherwise.
 *  `bytesOf` gives exactly these bytes back. */
export function storedForm(bytes: Uint8Array): string | Uint8Array {
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === 0) return bytes;
    if (byte > 0x7f) return textOrBytes(bytes);
  }
  return asciiDecoder.decode(bytes);
}

function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  if (bytes.includes(0)) return bytes;
  try {
    return strictDecoder.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return bytes; // not UTF-8: kept as they are
    throw error;
  }
}

/** The bytes of a TEXT or BLOB column, for the caller to keep. */
export function bytesOf(stored: SqlValue): Uint8Array {
  if (typeof stored === 'string') return encoder.encode(stored);
  if (stored instanceof Uint8Array) return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
  throw new TypeError('neither text nor bytes');
}
