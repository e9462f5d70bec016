/** A running SHA-256. Source: FIPS 180-4. */
export interface Sha256 {
  readonly update: (bytes: Uint8Array) => void;
  /** Ends it: call once. 32 bytes. */
  readonly digest: () => Uint8Array;
}
