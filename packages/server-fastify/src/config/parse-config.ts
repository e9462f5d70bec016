import { StoreError } from '@spacestore/core';
import { Compile } from 'typebox/compile';
import { parseDocument } from 'yaml';
import type { Config } from './config.ts';
import { configSchema } from './config-schema.ts';
import { resolveReferences } from './env-references.ts';

const form = Compile(configSchema);

/** The configuration a YAML or JSON text says, environment references resolved.
 *  Throws: invalid, naming the line, the unknown key or the wrong value's place; never a value, which may be a secret. */
export function parseConfig(text: string, env: Readonly<Record<string, string | undefined>>): Config {
  const document = parseDocument(text, { uniqueKeys: true });
  const [flaw] = document.errors;
  if (flaw) throw new StoreError('invalid', `config: line ${flaw.linePos?.[0].line ?? '?'} is not YAML (${flaw.code})`);
  const config = resolveReferences(document.toJS({ maxAliasCount: 100 }) ?? {}, env);
  const problems = [...form.Errors(config)].flatMap(describe);
  if (problems.length > 0) throw new StoreError('invalid', `config: ${[...new Set(problems)].join('; ')}`);
  return config as Config;
}

interface Problem {
  readonly keyword: string;
  readonly instancePath: string;
  readonly message: string;
  readonly params: object;
}

function describe({ keyword, instancePath, message, params }: Problem): readonly string[] {
  const place = instancePath.slice(1).replaceAll('/', '.');
  if (keyword === 'additionalProperties') {
    const { additionalProperties = [] } = params as { additionalProperties?: readonly string[] };
    return additionalProperties.map((key) => `unknown key ${place === '' ? key : `${place}.${key}`}`);
  }
  if (keyword === 'const') return []; // one branch of a union: the union itself says it
  if (keyword === 'boolean') return []; // the value of an unknown key
  return [`${place === '' ? 'the file' : place} ${message}`];
}
