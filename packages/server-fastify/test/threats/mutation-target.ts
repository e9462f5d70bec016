import type { SpacestoreServer } from '../../src/create-server.ts';

/** What a run found. */
export interface MutationReport {
  /** Bytes held after each of the equal parts of the run. */
  readonly heap: readonly number[];
  /** How often each answer was given. */
  readonly answers: Readonly<Record<string, number>>;
}

export interface Target {
  readonly server: SpacestoreServer;
  readonly tokenOf: (user: 'owner' | 'bob') => string;
  readonly count: number;
  readonly mutate: boolean;
  /** To be called after each input. */
  readonly thrown: () => Promise<void>;
}
