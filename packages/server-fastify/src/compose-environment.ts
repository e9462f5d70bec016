/** The token of the environment variable SPACESTORE_TOKEN, for commands that go through a server. */
export function environmentToken(): string | undefined {
  return process.env.SPACESTORE_TOKEN || undefined;
}
