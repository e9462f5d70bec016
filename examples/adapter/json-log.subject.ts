import { opStoreSubject, type Subject } from '@spacestore/conformance';
import { jsonOpStore } from './json-op-store.ts';

const jsonLog: Subject<'op-store'> = opStoreSubject({
  name: 'json-log',
  setup: async (scope) => ({ dir: await scope.tempDir() }),
  open: ({ dir }, { clock }) => jsonOpStore({ dir, clock }),
  module: import.meta.url,
  raw: ({ dir }, scope) => scope.filesUnder(dir),
});

export const subjects: readonly Subject<'op-store'>[] = [jsonLog];
