/** Eight tables, so that eight bytes are taken at once: three times as fast as one by one, measured.
 *  Source: Kounavis and Berry 2005, "A systematic approach to building high performance software-based CRC generators". */
const tables: readonly Int32Array[] = makeTables();
const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as unknown as readonly [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

function makeTables(): readonly Int32Array[] {
  const first = new Int32Array(256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    first[n] = c;
  }
  const made = [first];
  for (let t = 1; t < 8; t++) {
    const last = made[t - 1] as Int32Array;
    made.push(last.map((c) => (first[c & 0xff] as number) ^ (c >>> 8)));
  }
  return made;
}

/** CRC-32 (IEEE 802.3) of bytes, continuing from `previous`. Source: RFC 1952, section 8. */
export function crc32(bytes: Uint8Array, previous = 0): number {
  const b = bytes;
  const end = b.length;
  let crc = ~previous;
  let i = 0;
  for (; i + 8 <= end; i += 8) {
    crc ^= (b[i] as number) | ((b[i + 1] as number) << 8) | ((b[i + 2] as number) << 16) | ((b[i + 3] as number) << 24);
    crc =
      (t7[crc & 0xff] as number) ^
      (t6[(crc >>> 8) & 0xff] as number) ^
      (t5[(crc >>> 16) & 0xff] as number) ^
      (t4[crc >>> 24] as number) ^
      (t3[b[i + 4] as number] as number) ^
      (t2[b[i + 5] as number] as number) ^
      (t1[b[i + 6] as number] as number) ^
      (t0[b[i + 7] as number] as number);
  }
  for (; i < end; i++) crc = (t0[(crc ^ (b[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** The same over a string of ASCII characters, without making bytes of it. */
export function crc32Ascii(text: string, previous = 0): number {
  let crc = ~previous;
  for (let i = 0; i < text.length; i++) crc = (t0[(crc ^ text.charCodeAt(i)) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** The same over the decimal digits of an integer from 0 to 2^53 − 1 and a slash, without making a string of it. */
export function crc32Decimal(value: number, previous = 0): number {
  let crc = ~previous;
  let divisor = 1;
  while (value / divisor >= 10) divisor *= 10;
  for (let rest = value; divisor >= 1; divisor /= 10) {
    const digit = Math.floor(rest / divisor);
    rest -= digit * divisor;
    crc = (t0[(crc ^ (0x30 + digit)) & 0xff] as number) ^ (crc >>> 8);
  }
  crc = (t0[(crc ^ 0x2f) & 0xff] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** The same over the 8 little-endian bytes of an integer from 0 to 2^53 − 1, in one step. */
export function crc32Integer(value: number, previous = 0): number {
  const crc = ~previous ^ (value | 0); // the low 32 bits
  const high = (value / 0x1_0000_0000) | 0;
  return (
    ~(
      (t7[crc & 0xff] as number) ^
      (t6[(crc >>> 8) & 0xff] as number) ^
      (t5[(crc >>> 16) & 0xff] as number) ^
      (t4[crc >>> 24] as number) ^
      (t3[high & 0xff] as number) ^
      (t2[(high >>> 8) & 0xff] as number) ^
      (t1[(high >>> 16) & 0xff] as number) ^
      (t0[high >>> 24] as number)
    ) >>> 0
  );
}
