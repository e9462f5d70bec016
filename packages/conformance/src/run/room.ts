import type { StoreByKind, SubjectKind } from '../spec/kind.ts';
import type { Subject } from '../subject.ts';
import { testClock } from '../world/clock.ts';
import type { Scope } from '../world/scope.ts';
import type { Room } from './context.ts';

/** Sets up a new place and opens a store on it. */
export async function openRoom<Kind extends SubjectKind>(subject: Subject<Kind>, scope: Scope): Promise<Room<Kind>> {
  const place = await subject.setup(scope);
  const clock = testClock();
  const open = async (): Promise<StoreByKind[Kind]> => {
    const store = await subject.open(place, { clock });
    scope.after(() => store.close());
    return store;
  };
  let current = await open();
  return {
    place,
    clock,
    get store() {
      return current;
    },
    another: open,
    reopen: async () => {
      await current.close();
      current = await open();
      return current;
    },
    crash: async () => {
      current = await open(); // the old handle stays as it is until the law is over: nothing flushes it
      return current;
    },
  };
}
