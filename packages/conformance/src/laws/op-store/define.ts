import type { OpStoreCapabilities } from '@spacestore/core';
import type { Law, Need } from '../../spec/law.ts';
import { opStoreText } from '../../spec/op-store.ts';

/** A law of an OpStore: its words come from the catalogue. */
export function opLaw(id: string, law: Omit<Law<'op-store'>, 'id' | 'title' | 'why' | 'group' | 'kind'>): Law<'op-store'> {
  return { ...opStoreText(id), kind: 'op-store', ...law };
}

type Flag = { [Name in keyof OpStoreCapabilities]: OpStoreCapabilities[Name] extends boolean ? Name : never }[keyof OpStoreCapabilities];

/** A capability that is claimed or not. */
export const claims = (name: Flag): Need<'op-store'> => ({ name, holds: (store) => store.capabilities[name] });
/** A store whose acknowledgements outlive its handle. */
export const durable: Need<'op-store'> = { name: 'durable', holds: (store) => store.capabilities.durable !== 'none' };
/** A store whose acknowledgements outlive the machine. */
export const durableOverPower: Need<'op-store'> = { name: "durable: 'power'", holds: (store) => store.capabilities.durable === 'power' };
