import { azureBlobStore } from '@spacestore/blob-azure';
import { blobStoreSubject, type Subject } from '@spacestore/conformance';
import { blobsIn, everythingIn } from './support/at-rest.ts';
import { azureAccount, newContainer } from './support/azurite.ts';

export const subjects: readonly Subject<'blob-store'>[] = [
  blobStoreSubject({
    name: 'azure',
    prepare: azureAccount,
    setup: newContainer,
    open: (place) => azureBlobStore(place),
    module: import.meta.url,
    cells: blobsIn,
    raw: everythingIn,
  }),
];
