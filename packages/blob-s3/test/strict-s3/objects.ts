import { createHash } from 'node:crypto';

/** What travels with an object. */
export type ObjectHeaders = Readonly<Record<string, string>>;

export interface StoredObject {
  readonly body: Uint8Array;
  readonly tag: string;
  readonly headers: ObjectHeaders;
  readonly modifiedAt: Date;
  /** MD5 of the customer's key, if it is encrypted with one. */
  readonly keyMd5?: string | undefined;
}

export interface PendingUpload {
  readonly key: string;
  readonly headers: ObjectHeaders;
  readonly keyMd5?: string | undefined;
  readonly begunAt: Date;
  readonly parts: Map<number, { readonly body: Uint8Array; readonly tag: string }>;
}

export const tagOf = (body: Uint8Array): string => `"${createHash('md5').update(body).digest('hex')}"`;

/** AWS refuses the last word to parts that are too small, unknown, or out of order. */
export const minPartBytes: number = 5 * 2 ** 20;

export function joinParts(upload: PendingUpload, named: readonly { readonly number: number; readonly tag: string }[]): Uint8Array | string {
  const bodies: Uint8Array[] = [];
  for (const [i, { number, tag }] of named.entries()) {
    const part = upload.parts.get(number);
    if (part === undefined || part.tag !== tag) return 'InvalidPart';
    if (number <= (named[i - 1]?.number ?? 0)) return 'InvalidPartOrder';
    if (i < named.length - 1 && part.body.length < minPartBytes) return 'EntityTooSmall';
    bodies.push(part.body);
  }
  return Buffer.concat(bodies);
}

/** The code AWS would refuse a condition with. */
export function conditionRefusal(
  present: StoredObject | undefined,
  headers: Readonly<Record<string, string | undefined>>,
): string | undefined {
  if (headers['if-none-match'] === '*' && present !== undefined) return 'PreconditionFailed';
  const wanted = headers['if-match'];
  if (wanted === undefined) return undefined;
  if (present === undefined) return 'NoSuchKey';
  return wanted === present.tag ? undefined : 'PreconditionFailed';
}
