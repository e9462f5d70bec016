import { StoreError } from '@spacestore/core';
import type { ArgsDef, CommandContext, CommandDef } from 'citty';
import { fail } from './output.ts';

/** The same command, which does nothing where it was given what it does not know: a misspelt `--workspace` must not mean all of them. */
// biome-ignore lint/suspicious/noExplicitAny: the type that citty itself gives to commands of any arguments
export function knownOptionsOnly(command: CommandDef<any>): CommandDef<any> {
  return {
    ...command,
    run: async (context) => {
      try {
        checkOptions(context, context.cmd.args as ArgsDef);
      } catch (error) {
        return fail(context.args.json === true, error);
      }
      return command.run?.(context);
    },
  };
}

function checkOptions({ args }: CommandContext<ArgsDef>, defined: ArgsDef): void {
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
