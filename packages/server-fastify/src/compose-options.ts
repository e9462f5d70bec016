import { StoreError } from '@spacestore/core';
import Type, { type TOptional, type TSchema, type TString } from 'typebox';
import { Compile } from 'typebox/compile';

export const whole: TOptional<TSchema> = Type.Optional(Type.Integer({ minimum: 1 }));
export const text: TOptional<TString> = Type.Optional(Type.String({ minLength: 1 }));
export const exact = { additionalProperties: false } as const;

/** Throws: invalid, naming the option: one that is misspelt must not be one silently left out. */
export function checkOptions(name: string, schema: TSchema, options: unknown): void {
  const [problem] = Compile(schema).Errors(options);
  if (!problem) return;
  const { additionalProperties = [], requiredProperties = [] } = problem.params as Readonly<Record<string, readonly string[] | undefined>>;
  if (requiredProperties.length > 0) throw new StoreError('invalid', `config: ${name}: option ${requiredProperties.join(', ')} is missing`);
  const place = additionalProperties[0] ?? problem.instancePath.slice(1);
  throw new StoreError('invalid', `config: ${name}: option ${place} is not known or not of its type`);
}
