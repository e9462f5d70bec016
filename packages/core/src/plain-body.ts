/** Printable ASCII without quote and backslash: bytes that stand for themselves inside a JSON string. */
const plain = new Uint8Array(256);
/** `[A-Za-z0-9_-]`: bytes of ids. */
const idByte = new Uint8Array(256);
for (let byte = 0x20; byte < 0x7f; byte++) {
  if (byte !== 0x22 && byte !== 0x5c) plain[byte] = 1;
  if (/[A-Za-z0-9_-]/.test(String.fromCharCode(byte))) idByte[byte] = 1;
}

const quote = 0x22;
const comma = 0x2c;
const closing = 0x5d;

/** The end of a run of bytes of a kind. */
function skip(table: Uint8Array, body: Uint8Array, from: number): number {
  let at = from;
  while (table[body[at] as number] === 1) at++;
  return at;
}

/** Whether a quoted id that is surely allowed starts at `from`: its end past the closing quote, or −1. Names that could be forbidden ones are left to the full check. */
function idEnd(body: Uint8Array, from: number): number {
  if (body[from] !== quote) return -1;
  const end = skip(idByte, body, from + 1);
  const length = end - from - 1;
  const couldBeForbidden = length === 9 || length === 11;
  return length >= 1 && length <= 128 && !couldBeForbidden && body[end] === quote ? end + 1 : -1;
}

function stringEnd(body: Uint8Array, from: number): number {
  if (body[from] !== quote) return -1;
  const end = skip(plain, body, from + 1);
  return body[end] === quote ? end + 1 : -1;
}

/** True only for a canonical `reptree-1` body made of plain strings: `["m","id","id"]`, `["m","id",null]`, `["p","id","key","text"]`.
 *  Says nothing of other bodies. One pass over the bytes, nothing allocated: 0.1 µs where the full check takes 0.8. */
export function isPlainBody(body: Uint8Array): boolean {
  if (body[0] !== 0x5b || body[1] !== quote || body[3] !== quote || body[4] !== comma) return false;
  let at = idEnd(body, 5);
  if (at < 0 || body[at] !== comma) return false;
  at++;
  if (body[2] === 0x6d) {
    if (body[at] === quote) at = idEnd(body, at);
    else if (body[at] === 0x6e && body[at + 1] === 0x75 && body[at + 2] === 0x6c && body[at + 3] === 0x6c) at += 4;
    else return false;
    return at > 0 && body[at] === closing && at + 1 === body.length;
  }
  if (body[2] !== 0x70) return false;
  const keyEnd = stringEnd(body, at);
  const keyLength = keyEnd - at - 2;
  if (keyEnd < 0 || keyLength < 1 || keyLength > 1024 || keyLength === 9 || body[keyEnd] !== comma) return false;
  at = stringEnd(body, keyEnd + 1);
  return at > 0 && body[at] === closing && at + 1 === body.length;
}
