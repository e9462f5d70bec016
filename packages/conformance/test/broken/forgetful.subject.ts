import { memoryOpStore } from '@spacestore/core/memory';
import { opStoreSubject } from '../../src/subject.ts';

/** Acknowledges and keeps nothing: for trying what the command says of a store that breaks a law. */
export const subjects = [
  opStoreSubject({
    name: 'forgetful',
    setup: () => ({}),
    open: (_place, { clock }) => {
      const store = memoryOpStore({ clock });
      return {
        ...store,
        append: (_workspace, records) => Promise.resolve({ added: records.length, committedAt: records.length, through: undefined }),
      };
    },
  }),
];
