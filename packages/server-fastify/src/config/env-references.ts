import { StoreError } from '@spacestore/core';

const reference = /\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)\})/g;

/** A configuration with every `${NAME}` inside a text replaced by that variable; `$$` stands for a dollar.
 *  Throws: invalid, naming the variable and the place, if it is not set: an empty secret is never made up. */
export function resolveReferences(value: unknown, env: Readonly<Record<string, string | undefined>>, path = ''): unknown {
  if (typeof value === 'string')
    return value.replace(reference, (_, name: string | undefined) => {
      if (name === undefined) return '$';
      const found = env[name];
      if (found === undefined || found === '')
        throw new StoreError('invalid', `config: ${path || 'the value'} refers to the environment variable ${name}, which is not set`);
      return found;
    });
  if (Array.isArray(value)) return value.map((item, index) => resolveReferences(item, env, `${path}[${index}]`));
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value as Record<string, unknown>);
  return Object.fromEntries(entries.map(([key, item]) => [key, resolveReferences(item, env, path === '' ? key : `${path}.${key}`)]));
}
