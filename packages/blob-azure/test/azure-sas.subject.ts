import { azureBlobStore } from '@spacestore/blob-azure';
import { blobStoreSubject, type Subject } from '@spacestore/conformance';
import { blobsIn } from './support/at-rest.ts';
import { azureAccount, leastPermissions, sasOf } from './support/azurite.ts';
import { newWiredContainer, wireOf } from './support/behind-wire.ts';

/** With the least rights there are, repetitions of its own, and nearly everything sent in blocks. What was staged for a put that failed can't be read nor removed by
 *  anybody, and goes within a week: so this one does not claim to show all that is at rest. */
export const subjects: readonly Subject<'blob-store'>[] = [
  blobStoreSubject({
    name: 'azure-sas',
    prepare: azureAccount,
    setup: async (scope) => {
      const wired = await newWiredContainer(scope);
      return { ...wired, granted: await sasOf(wired, leastPermissions) };
    },
    open: ({ granted }) => azureBlobStore({ ...granted, blockBytes: 16 * 1024, retryDelayMs: 1 }),
    wire: wireOf,
    module: import.meta.url,
    cells: ({ owned }) => blobsIn(owned),
  }),
];
