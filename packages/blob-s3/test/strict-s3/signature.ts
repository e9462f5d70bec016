import { createHash, createHmac } from 'node:crypto';

export interface SignedRequest {
  readonly method: string;
  /** As it was sent: path and query, still encoded. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** The code AWS would refuse with, or undefined: who signed it, what was signed, whether it still holds, and whether the body is the one that was signed.
 *  Source: "Signature Version 4 signing process", Amazon S3 API reference. */
export function refusalOf(request: SignedRequest, keys: Keys, now: number): string | undefined {
  const [path = '', query = ''] = request.url.split('?', 2);
  const pairs = query === '' ? [] : query.split('&').map((pair) => [...pair.split('='), ''].slice(0, 2) as [string, string]);
  const inQuery = new Map(pairs.map(([name, value]) => [name, decodeURIComponent(value)]));
  const presigned = inQuery.has('X-Amz-Signature');
  const signed = presigned ? fromQuery(inQuery) : fromHeader(request.headers);
  if (signed === undefined) return 'AccessDenied';
  const { credential, names, signature, date } = signed;
  const [accessKeyId, day = '', region = '', service = ''] = credential.split('/');
  if (accessKeyId !== keys.accessKeyId) return 'InvalidAccessKeyId';
  const at = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  const lifetime = presigned ? Number(inQuery.get('X-Amz-Expires')) * 1000 : 15 * 60_000;
  if (!(at + lifetime > now) || lifetime > 604_800_000) return presigned ? 'AccessDenied' : 'RequestTimeTooSkewed';
  if (at - 15 * 60_000 > now) return 'RequestTimeTooSkewed';
  const unsigned = Object.keys(request.headers).filter((name) => (name.startsWith('x-amz-') || name === 'host') && !names.includes(name));
  if (unsigned.length > 0) return 'AccessDenied';
  const payload = request.headers['x-amz-content-sha256'] ?? (presigned ? (inQuery.get('X-Amz-Content-Sha256') ?? 'UNSIGNED-PAYLOAD') : '');
  const canonical = [
    request.method,
    path,
    pairs
      .filter(([name]) => name !== 'X-Amz-Signature')
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `${name}=${value}`)
      .join('&'),
    ...names.map((name) => `${name}:${(request.headers[name] ?? '').trim().replace(/ +/g, ' ')}`),
    '',
    names.join(';'),
    payload,
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', date, `${day}/${region}/${service}/aws4_request`, sha256Hex(Buffer.from(canonical))].join('\n');
  const key = [day, region, service, 'aws4_request'].reduce<Uint8Array | string>(hmac, `AWS4${keys.secretAccessKey}`);
  if (hmac(key, text).toString('hex') !== signature) return 'SignatureDoesNotMatch';
  return bodyRefusal(request, payload);
}

interface Signed {
  readonly credential: string;
  readonly names: readonly string[];
  readonly signature: string;
  readonly date: string;
}

function fromQuery(query: ReadonlyMap<string, string>): Signed | undefined {
  const [credential, names, signature, date] = ['Credential', 'SignedHeaders', 'Signature', 'Date'].map((name) =>
    query.get(`X-Amz-${name}`),
  );
  if (credential === undefined || names === undefined || signature === undefined || date === undefined) return undefined;
  return { credential, names: names.split(';'), signature, date };
}

function fromHeader(headers: SignedRequest['headers']): Signed | undefined {
  const found = /^AWS4-HMAC-SHA256 Credential=([^,]+), SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(headers.authorization ?? '');
  const date = headers['x-amz-date'];
  if (found === null || date === undefined) return undefined;
  const [credential, names, signature] = found.slice(1) as [string, string, string];
  return { credential, names: names.split(';'), signature, date };
}

/** Every digest a request tells of its body must be right. */
function bodyRefusal({ headers, body }: SignedRequest, payload: string): string | undefined {
  if (payload !== 'UNSIGNED-PAYLOAD' && payload !== sha256Hex(body))
    return payload.startsWith('STREAMING') ? 'NotImplemented' : 'XAmzContentSHA256Mismatch';
  const digests = [
    ['x-amz-checksum-sha256', 'sha256'],
    ['content-md5', 'md5'],
  ] as const;
  for (const [name, algorithm] of digests) {
    const claimed = headers[name];
    if (claimed !== undefined && claimed !== createHash(algorithm).update(body).digest('base64')) return 'BadDigest';
  }
  return undefined;
}

function hmac(key: Uint8Array | string, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
