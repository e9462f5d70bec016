import { StoreError } from '@spacestore/core';
import type { ArgsDef, CommandDef } from 'citty';
import { fail } from './output.ts';

/** The same command, which does nothing where it was given what it does not know: a misspelt `--workspace` must not mean all of them. */
export function knownOptionsOnly<Args extends ArgsDef>(command: CommandDef<Args>): CommandDef<Args> {
  return {
    ...command,
    run: async (context) => {
      try {
        checkOptions(context.args, command.args as Args);
      } catch (error) {
        return fail(context.rawArgs.includes('--json'), error);
      }
      return command.run?.(context);
    },
  };
}

function checkOptions(args: { readonly _: readonly string[] }, defined: ArgsDef): void {
  const names = new Map(Object.entries(defined).map(([name, { type }]) => [plain(name), type]));
  for (const [name, value] of Object.entries<unknown>(args)) {
    if (name === '_') continue;
    const type = names.get(plain(name));
    if (type === undefined)
      throw new StoreError('invalid', `there is no option ${name.length === 1 ? '-' : '--'}${name}: --help lists them`);
    if (type === 'string' && /^(--.*)?$/.test(String(value))) throw new StoreError('invalid', `--${name} wants a value`);
  }
  const places = Object.values(defined).filter(({ type }) => type === 'positional').length;
  const surplus = args._[places];
  if (surplus !== undefined)
    throw new StoreError('invalid', `there is nothing to do with ${JSON.stringify(surplus)}: --help says what is taken`);
}

/** citty lists an option under its name in both spellings. */
function plain(name: string): string {
  return name.replaceAll('-', '').toLowerCase();
}
