import type { AzureBlobOptions } from '@spacestore/blob-azure';
import Type from 'typebox';
import { checkOptions, exact, text, whole } from './compose-options.ts';
import type { AdapterModule } from './config/adapter-module.ts';

const name = '@spacestore/blob-azure';
const options = Type.Object(
  {
    container: Type.String({ minLength: 1 }),
    prefix: text,
    connectionString: text,
    url: text,
    accountKey: text,
    sas: text,
    retries: Type.Optional(Type.Integer({ minimum: 0 })),
    retryDelayMs: whole,
    requestTimeoutMs: whole,
    blockBytes: whole,
    parallelBlocks: whole,
    maxBlobBytes: whole,
  },
  exact,
);

/** The client of the service is large: it is loaded only where a configuration names it. */
export const azure: AdapterModule = {
  contractVersion: 1,
  open: async (given, { clock }) => {
    checkOptions(name, options, given);
    const { azureBlobStore } = await import('@spacestore/blob-azure');
    return { blobs: await azureBlobStore({ clock, ...(given as unknown as AzureBlobOptions) }) };
  },
};
