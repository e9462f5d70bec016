/** Works on each item, on so many at a time. After a failure nothing more is begun, and it is thrown once what was begun has ended. */
export async function inParallel<Item>(items: AsyncIterable<Item>, lanes: number, work: (item: Item) => Promise<void>): Promise<void> {
  const source = items[Symbol.asyncIterator]();
  let failed = false;
  let turn: Promise<unknown> = Promise.resolve();
  const next = (): Promise<IteratorResult<Item>> => {
    const mine = turn.then(() => source.next()); // a generator's items are asked for one after the other
    turn = mine.catch(() => undefined);
    return mine;
  };
  const lane = async (): Promise<void> => {
    try {
      while (!failed) {
        const item = await next();
        if (item.done) return;
        await work(item.value);
      }
    } catch (error) {
      failed = true;
      throw error;
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: lanes }, lane));
  await source.return?.();
  const first = ended.find((result) => result.status === 'rejected');
  if (first) throw first.reason as Error;
}
