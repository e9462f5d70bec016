/** A law that did not hold, in the words of the domain. */
export class LawBroken extends Error {
  override readonly name = 'LawBroken';
  /** What was done before, one line each; filled in by the engine. */
  readonly trace: readonly string[];

  constructor(message: string, trace: readonly string[] = [], cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.trace = trace;
  }
}

/** A law that could not be judged: the machine got in the way. It is no pass. */
export class LawUndecided extends Error {
  override readonly name = 'LawUndecided';
}
