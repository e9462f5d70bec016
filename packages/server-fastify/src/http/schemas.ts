import Type, {
  type TBoolean,
  type TInteger,
  type TLiteral,
  type TObject,
  type TOptional,
  type TRecord,
  type TSchema,
  type TString,
  type TUnion,
  type TUnknown,
} from 'typebox';

/** Shapes alone: ids, keys and values are parsed by core, which names what is wrong with them. */
export const exact: { readonly additionalProperties: false } = { additionalProperties: false };

/** The form of an answer is documentation: what is sent is what the service returned. */
export function answer(schema: TSchema): TSchema {
  return schema;
}

export const WorkspaceParams: TObject<{ workspace: TString }> = Type.Object({ workspace: Type.String() });
export const ListQuerystring: TObject<{ after: TOptional<TString>; limit: TOptional<TInteger> }> = Type.Object(
  { after: Type.Optional(Type.String({ maxLength: 512 })), limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })) },
  exact,
);
export const RoleName: TUnion<[TLiteral<'owner'>, TLiteral<'admin'>, TLiteral<'editor'>, TLiteral<'viewer'>, TLiteral<'backup'>]> =
  Type.Union([Type.Literal('owner'), Type.Literal('admin'), Type.Literal('editor'), Type.Literal('viewer'), Type.Literal('backup')]);
export const Settings: TObject<{ relay: TOptional<TBoolean>; app: TOptional<TRecord<'^.*$', TUnknown>> }> = Type.Object(
  { relay: Type.Optional(Type.Boolean()), app: Type.Optional(Type.Record(Type.String(), Type.Unknown())) },
  exact,
);
export const CursorText: TString = Type.String({ maxLength: 64 });
export const Next: TSchema = Type.Object({ after: Type.Optional(Type.String()), limit: Type.Integer() });

export const HeadBody: TSchema = Type.Object({
  incarnation: Type.String(),
  lineage: Type.Array(Type.Object({ incarnation: Type.String(), forkedAt: Type.String() })),
  cursor: Type.String(),
  position: Type.Integer(),
  epoch: Type.Integer(),
  records: Type.Integer(),
  bytes: Type.Integer(),
  maxCounter: Type.Integer(),
});

/** A record in JSON: `op` is the operation of a `reptree-1` workspace, `body` the base64 bytes of any. */
export const RecordInput: TSchema = Type.Object(
  {
    tree: Type.String(),
    peer: Type.String(),
    counter: Type.Number(),
    op: Type.Optional(Type.Array(Type.Unknown())),
    body: Type.Optional(Type.String()),
  },
  exact,
);
export const RecordOutput: TSchema = Type.Object({
  tree: Type.String(),
  peer: Type.String(),
  counter: Type.Integer(),
  op: Type.Optional(Type.Array(Type.Unknown())),
  body: Type.Optional(Type.String()),
  position: Type.Integer(),
  receivedAt: Type.Integer({ description: 'Milliseconds since 1970.' }),
  via: Type.Optional(Type.String()),
});
export const VectorBody: TSchema = Type.Record(Type.String(), Type.Record(Type.String(), Type.Array(Type.Array(Type.Integer()))), {
  description: 'tree → peer → inclusive ranges of counters',
});
