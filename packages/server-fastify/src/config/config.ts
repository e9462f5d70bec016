import type { Role } from '@spacestore/core';
import type { AsymmetricAlgorithm } from '../auth/jwt.ts';
import type { LogLevel } from '../http/logging.ts';
import type { Limits } from '../limits.ts';
import type { StoreName } from './adapter-module.ts';

/** An adapter, named by its package. */
export interface AdapterConfig {
  readonly use: string;
  readonly options?: Readonly<Record<string, unknown>>;
  /** Which of its stores to take; all it has if absent. */
  readonly provide?: readonly StoreName[];
}

export interface StaticTokenConfig {
  /** Lower-case hex sha256 of the token. */
  readonly sha256: string;
  readonly user: string;
  readonly workspaces?: readonly string[];
  readonly role?: Role;
}

export interface AuthConfig {
  /** Default `spacestore`. */
  readonly issuer?: string;
  /** Default `spacestore`. */
  readonly audience?: string;
  /** One of these ways to know a token's key; without any, a random secret in a file of the data folder. */
  readonly secret?: string;
  readonly secretFile?: string;
  readonly publicKey?: { readonly algorithm: AsymmetricAlgorithm; readonly pem?: string; readonly pemFile?: string };
  readonly jwks?: { readonly algorithms: readonly AsymmetricAlgorithm[]; readonly url: string };
  readonly staticTokens?: readonly StaticTokenConfig[];
}

/** What a server is made of. Everything has a default, so that no file is needed to start. */
export interface Config {
  readonly host?: string;
  readonly port?: number;
  /** The folder of everything kept on this machine. Default `./data`. */
  readonly data?: string;
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Addresses or networks of the proxies that end TLS in front of the server. */
  readonly trustedProxies?: readonly string[];
  /** Listen beyond this machine in the clear. */
  readonly insecure?: boolean;
  /** Origins whose pages may call the server; `*` for all. */
  readonly origins?: readonly string[];
  readonly auth?: AuthConfig;
  /** Adapters that together provide each store once. Default: SQLite and a folder, both under `data`. */
  readonly stores?: readonly AdapterConfig[];
  readonly seal?: {
    /** Keys of 64 hex digits, one a line, the current one first. Default: a random one in a file of the data folder. */
    readonly keys?: string;
    readonly keysFile?: string;
  };
  readonly timeoutMs?: number;
  readonly limits?: Partial<Limits>;
  readonly log?: { readonly level?: LogLevel };
  /** sha256 of the token a scraper elsewhere shows for /metrics. */
  readonly metricsTokenSha256?: string;
}
