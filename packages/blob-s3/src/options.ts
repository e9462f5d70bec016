/** How the server encrypts what lies there. A customer key is 32 bytes, sent with every request and kept nowhere. */
export type S3Encryption =
  | { readonly algorithm: 'AES256' }
  | { readonly algorithm: 'aws:kms'; readonly keyId?: string }
  | { readonly algorithm: 'customer'; readonly key: Uint8Array };

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

export interface S3BlobOptions {
  readonly bucket: string;
  /** Of a store that is not AWS. */
  readonly endpoint?: string;
  /** Where clients reach the same store, if by another name: presigned URLs carry it. */
  readonly publicEndpoint?: string;
  /** The SDK's own chain (environment, profile) if absent, and `us-east-1` beside an endpoint. */
  readonly region?: string;
  /** The SDK's own chain (environment, profile, instance role) if absent. */
  readonly credentials?: S3Credentials | (() => Promise<S3Credentials>);
  /** `https://host/bucket/key` in place of `https://bucket.host/key`; true beside an endpoint if absent. */
  readonly pathStyle?: boolean;
  /** Put before every object's name: segments of letters, digits, `_` and `-`, each ending with `/`. */
  readonly prefix?: string;
  readonly encryption?: S3Encryption;
  /** `STANDARD_IA`, say; the bucket's own if absent. */
  readonly storageClass?: string;
  /** Bytes of one part of a large blob, 5 MiB to 64 MiB; 5 MiB if absent. Four of them are held at most; 10,000 of them are the largest blob. */
  readonly partBytes?: number;
  /** Age after which an unfinished upload counts as left behind, swept at open; a day if absent, `Infinity` for never. */
  readonly staleAfterMs?: number;
}
