import { azureBlobStore } from '@spacestore/blob-azure';
import { blobStoreSubject, type Subject } from '@spacestore/conformance';
import { blobsIn, everythingIn } from './support/at-rest.ts';
import { azureAccount } from './support/azurite.ts';
import { newWiredContainer, wireOf } from './support/behind-wire.ts';

/** Without repetitions of its own: every fault is one of the store's. */
export const subjects: readonly Subject<'blob-store'>[] = [
  blobStoreSubject({
    name: 'azure',
    prepare: azureAccount,
    setup: newWiredContainer,
    open: ({ connectionString, container }) => azureBlobStore({ connectionString, container, retries: 0 }),
    module: import.meta.url,
    wire: wireOf,
    cells: ({ owned }) => blobsIn(owned),
    raw: ({ owned }) => everythingIn(owned),
  }),
];
