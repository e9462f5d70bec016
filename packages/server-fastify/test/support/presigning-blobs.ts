import { randomUUID } from 'node:crypto';
import { type BlobRoot, type BlobStore, bytesSource, parseBlobRoot, StoreError, varKey } from '@spacestore/core';
import { memoryBlobStore } from '@spacestore/core/memory';

export interface PresigningBlobs {
  readonly blobs: BlobStore;
  /** What a client would send to a URL: kept aside until it is committed. */
  readonly send: (url: string, bytes: Uint8Array) => Promise<void>;
}

/** A store that gives URLs of its own, as object stores do, with everything in memory: tests deliver what would go over the network. */
export function presigningBlobs(): PresigningBlobs {
  const inner = memoryBlobStore();
  const aside = (upload: string) => [parseBlobRoot('aside'), varKey(upload)] as const;
  const granted = new Map<string, { readonly root: BlobRoot; readonly key: string; readonly sizeBytes: number }>();
  const blobs: BlobStore = {
    ...inner,
    capabilities: { ...inner.capabilities, presign: true, maxUploadBytes: 1_000_000 },
    presign: async (root, key, options) => {
      const upload = randomUUID();
      const { method, expiresInMs } = options;
      if (options.method === 'PUT') granted.set(upload, { root, key, sizeBytes: options.sizeBytes });
      const headers = options.method === 'PUT' && options.contentType !== undefined ? { 'content-type': options.contentType } : {};
      const name = options.method === 'GET' ? (options.downloadName ?? '') : '';
      return {
        url: `https://blobs.example/${root}/${key}?upload=${upload}&name=${encodeURIComponent(name)}`,
        method,
        headers,
        expiresAt: expiresInMs,
        ...(method === 'PUT' && { upload }),
      };
    },
    commit: async (root, key, upload) => {
      const grant = granted.get(upload);
      const there = await inner.head(root, key);
      if (there) return there;
      const content = await inner.get(...aside(upload));
      if (!content || grant?.root !== root || grant.key !== key)
        throw new StoreError('not_found', 'nothing was sent', { context: { key } });
      const chunks: Uint8Array[] = [];
      for await (const chunk of content.body) chunks.push(chunk);
      await inner.delete(...aside(upload));
      const bytes = Buffer.concat(chunks);
      if (bytes.length !== grant.sizeBytes) throw new StoreError('invalid', 'another length');
      return inner.put(root, key, bytesSource(bytes));
    },
  };
  return {
    blobs,
    send: async (url, bytes) => {
      await inner.put(...aside(new URL(url).searchParams.get('upload') as string), bytesSource(bytes));
    },
  };
}
