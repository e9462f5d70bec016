import type { Layer } from './contracts.ts';

/** The store with the layers around it, the first one innermost. */
export function layered<Store>(store: Store, layers: readonly Layer<Store>[]): Store {
  return layers.reduce((inner, layer) => layer(inner), store);
}
