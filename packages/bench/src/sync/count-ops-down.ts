const opsDown = 0x47;

export function isOpsDown(frame: Uint8Array): boolean {
  return frame[0] === opsDown;
}

/** The number of records in a frame of OPS, from its lengths alone (docs/protocol.md, "Frames, byte by byte"). */
export function countOpsDown(frame: Uint8Array): number {
  let at = 1;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = frame[at++] as number;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  };
  varint(); // the workspace
  const cursorLength = varint();
  at += cursorLength;
  let records = 0;
  for (let blocks = varint(); blocks > 0; blocks--) {
    varint(); // the first position
    const bytes = varint();
    const end = at + bytes;
    records += varint();
    at = end;
  }
  return records;
}
