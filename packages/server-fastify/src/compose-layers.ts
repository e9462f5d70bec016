import {
  type ContractName,
  type Contracts,
  type KeyRing,
  type Layer,
  layered,
  type Meter,
  metrics,
  type RepeatableContract,
  retry,
  seal,
  timeout,
  tracing,
  verifyBlobs,
  verifyOps,
} from '@spacestore/core/layers';
import type { Metrics } from './metrics.ts';
import type { Stores } from './service/stores.ts';

export const defaultTimeoutMs = 30_000;

export interface LayerOptions {
  readonly timeoutMs: number;
  readonly keys: KeyRing;
  readonly metrics: Metrics;
}

/** Work that takes as long as a workspace, or a file, is large. A drop nobody waits for any more could also hit what is made under the name next. */
const unbounded = { snapshot: Infinity, restore: Infinity, drop: Infinity };

/** The stores with everything around them that a server wants: inside out timeout, retry, seal, verify, metrics, tracing. */
export function composeLayers(stores: Stores, { timeoutMs, keys, metrics: target }: LayerOptions): Stores {
  const meter: Meter = { count: () => undefined, observe: (_, labels, seconds) => target.storeCalls.observe({ ...labels }, seconds) };
  const outer = <Contract extends ContractName>(contract: Contract): readonly Layer<Contracts[Contract]>[] => [
    metrics(contract, meter),
    tracing(contract),
  ];
  const patient = <Contract extends RepeatableContract>(contract: Contract): Layer<Contracts[Contract]> => retry(contract);
  return {
    ops: layered(stores.ops, [timeout('OpStore', { timeoutMs, methods: unbounded }), patient('OpStore'), verifyOps(), ...outer('OpStore')]),
    blobs: layered(stores.blobs, [
      timeout('BlobStore', { timeoutMs, methods: { drop: Infinity, commit: Infinity } }),
      patient('BlobStore'),
      verifyBlobs(),
      ...outer('BlobStore'),
    ]),
    secrets: layered(stores.secrets, [
      timeout('SecretStore', { timeoutMs, methods: { drop: Infinity } }),
      patient('SecretStore'),
      seal({ keys }),
      ...outer('SecretStore'),
    ]),
    files: layered(stores.files, [
      timeout('FileIndex', { timeoutMs, methods: { drop: Infinity } }),
      patient('FileIndex'),
      ...outer('FileIndex'),
    ]),
    directory: layered(stores.directory, [timeout('Directory', { timeoutMs, methods: { verifyAudit: Infinity } }), ...outer('Directory')]),
  };
}
