import type { S3Client } from '@aws-sdk/client-s3';

/** Headers a request carries beside those the SDK makes of its parameters. */
export type Headers = Readonly<Record<string, string>>;

interface Stack {
  readonly middlewareStack: {
    readonly add: (
      // The SDK types a middleware by its command; this one is the same for all.
      middleware: (next: (args: never) => Promise<unknown>) => (args: never) => Promise<unknown>,
      options: { readonly step: 'build'; readonly name: string },
    ) => void;
  };
}

/** The same command, which carries these headers too, signed with the rest. */
export function withHeaders<Command>(command: Command, headers: Headers): Command {
  (command as unknown as Stack).middlewareStack.add(
    (next) => (args: { readonly request: { readonly headers: Record<string, string> } }) => {
      Object.assign(args.request.headers, headers);
      return next(args as never);
    },
    { step: 'build', name: 'givenHeaders' },
  );
  return command;
}

/** The sha256 the signature covers: a server that checks it takes no other body. Lower-case hex. */
export function signedBody<Command>(command: Command, sha256: string): Command {
  return withHeaders(command, { 'x-amz-content-sha256': sha256 });
}

/** Lets every answer tell the server's own time, by `servedAt`. */
export function rememberDates(client: S3Client): void {
  (client as unknown as Stack).middlewareStack.add(
    (next) => async (args) => {
      const result = (await next(args)) as {
        readonly response: { readonly headers?: Readonly<Record<string, string>> };
        readonly output: { readonly $metadata: { date?: string } };
      };
      const date = result.response.headers?.date;
      if (date !== undefined) result.output.$metadata.date = date;
      return result;
    },
    { step: 'build', name: 'rememberDate' },
  );
}

/** Milliseconds since 1970 by the clock of whoever answered: what is dated by it agrees with what the server dates itself. */
export function servedAt({ $metadata }: { readonly $metadata: object }): number {
  const time = Date.parse(($metadata as { readonly date?: string }).date ?? '');
  return Number.isNaN(time) ? Date.now() : time;
}
