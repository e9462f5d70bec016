import Type, { type TSchema } from 'typebox';
import { defaultLimits } from '../limits.ts';
import { roles } from '../permissions.ts';
import { storeNames } from './adapter-module.ts';

const exact = { additionalProperties: false } as const;
const text = Type.String({ minLength: 1 });
const optional = <Schema extends TSchema>(schema: Schema) => Type.Optional(schema);
const oneOf = (values: readonly string[]) => Type.Union(values.map((value) => Type.Literal(value)));
const algorithm = oneOf(['EdDSA', 'ES256', 'RS256']);

/** The form of a config file. A key it does not know is refused: a misspelt setting must not be a setting silently left out. */
export const configSchema: TSchema = Type.Object(
  {
    host: optional(text),
    port: optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
    data: optional(text),
    tls: optional(Type.Object({ cert: text, key: text }, exact)),
    trustedProxies: optional(Type.Array(text)),
    insecure: optional(Type.Boolean()),
    origins: optional(Type.Array(text)),
    auth: optional(
      Type.Object(
        {
          issuer: optional(text),
          audience: optional(text),
          secret: optional(text),
          secretFile: optional(text),
          publicKey: optional(Type.Object({ algorithm, pem: optional(text), pemFile: optional(text) }, exact)),
          jwks: optional(Type.Object({ algorithms: Type.Array(algorithm, { minItems: 1 }), url: text }, exact)),
          staticTokens: optional(
            Type.Array(
              Type.Object(
                {
                  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
                  user: text,
                  workspaces: optional(Type.Array(text)),
                  role: optional(oneOf(roles)),
                },
                exact,
              ),
            ),
          ),
        },
        exact,
      ),
    ),
    stores: optional(
      Type.Array(
        Type.Object(
          { use: text, options: optional(Type.Record(Type.String(), Type.Unknown())), provide: optional(Type.Array(oneOf(storeNames))) },
          exact,
        ),
        { minItems: 1 },
      ),
    ),
    seal: optional(Type.Object({ keys: optional(text), keysFile: optional(text) }, exact)),
    timeoutMs: optional(Type.Integer({ minimum: 1 })),
    limits: optional(
      Type.Object(Object.fromEntries(Object.keys(defaultLimits).map((name) => [name, optional(Type.Integer({ minimum: 0 }))])), exact),
    ),
    log: optional(Type.Object({ level: optional(oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])) }, exact)),
    metricsTokenSha256: optional(Type.String({ pattern: '^[0-9a-f]{64}$' })),
  },
  exact,
);
