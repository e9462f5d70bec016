import type { CallOptions } from '../call.ts';
import type { BlobStore } from '../contracts/blob-store.ts';
import type { Directory } from '../contracts/directory.ts';
import type { FileIndex } from '../contracts/file-index.ts';
import type { OpStore } from '../contracts/op-store.ts';
import type { SecretStore } from '../contracts/secret-store.ts';

/** The contracts layers know, by name. */
export interface Contracts {
  readonly OpStore: OpStore;
  readonly BlobStore: BlobStore;
  readonly SecretStore: SecretStore;
  readonly FileIndex: FileIndex;
  readonly Directory: Directory;
}

export type ContractName = keyof Contracts;

/** Takes a store and returns one of the same contract, with the same laws. */
export type Layer<Store> = (store: Store) => Store;

/** The methods of a contract, `close` apart. */
export type MethodName<Contract extends ContractName> = {
  [Name in keyof Contracts[Contract]]: Name extends 'close' ? never : Contracts[Contract][Name] extends Method ? Name : never;
}[keyof Contracts[Contract]] &
  string;

type Method = (...args: never[]) => Promise<unknown>;

/** How many parameters each method has, `call` included, which is always the last. */
type Arities<Contract extends ContractName> = {
  readonly [Name in MethodName<Contract>]: Contracts[Contract][Name] extends (...args: infer Args) => Promise<unknown>
    ? Required<Args>['length']
    : never;
};

const arities: { readonly [Contract in ContractName]: Arities<Contract> } = {
  OpStore: { append: 4, read: 3, vector: 3, trees: 3, workspaces: 2, head: 2, fence: 3, snapshot: 2, restore: 3, drop: 3 },
  BlobStore: { put: 5, get: 4, head: 3, list: 3, delete: 4, presign: 4, commit: 4, drop: 2 },
  SecretStore: { get: 3, getAll: 2, set: 5, setAll: 4, delete: 4, names: 3, drop: 2 },
  FileIndex: { put: 3, replace: 5, get: 3, patch: 4, list: 3, delete: 3, drop: 2 },
  Directory: {
    create: 2,
    get: 2,
    update: 3,
    beginDelete: 2,
    endDelete: 2,
    list: 2,
    membership: 3,
    members: 3,
    setMember: 5,
    transfer: 3,
    bindPeers: 5,
    peers: 3,
    addUsage: 4,
    usage: 2,
    countOwned: 2,
    audit: 2,
    auditLog: 2,
    verifyAudit: 1,
  },
};

/** One call on its way to a store. */
export interface Invocation {
  readonly contract: ContractName;
  readonly method: string;
  /** Without `call`. */
  readonly args: readonly unknown[];
  readonly call: CallOptions | undefined;
}

/** What a layer does around every method: `next` passes the call on, with other arguments or another signal if need be. */
export type Around = (invocation: Invocation, next: (invocation: Invocation) => Promise<unknown>) => Promise<unknown>;

/** The store with every method but `close` led through `around`; what it says of itself stays. */
export function aroundEach<Contract extends ContractName>(
  contract: Contract,
  store: Contracts[Contract],
  around: Around,
): Contracts[Contract] {
  const methods = store as unknown as Readonly<Record<string, (...args: readonly unknown[]) => Promise<unknown>>>;
  const wrapped: Record<string, unknown> = { ...store, close: () => store.close() };
  for (const [method, arity] of Object.entries<number>(arities[contract])) {
    const callAt = arity - 1;
    const next = ({ args, call }: Invocation): Promise<unknown> => {
      const padded = Array.from({ length: callAt }, (_, i) => args[i]);
      return (methods[method] as (...args: readonly unknown[]) => Promise<unknown>).call(store, ...padded, call);
    };
    wrapped[method] = async (...given: readonly unknown[]) =>
      around({ contract, method, args: given.slice(0, callAt), call: given[callAt] as CallOptions | undefined }, next);
  }
  return wrapped as unknown as Contracts[Contract];
}
