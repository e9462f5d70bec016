import { type Attributes, context, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import { aroundEach, type ContractName, type Contracts, type Invocation, type Layer } from './contracts.ts';
import { outcomeOf } from './metrics.ts';

export interface TracingOptions {
  /** The global one of this package if absent: without an SDK it does nothing. */
  readonly tracer?: Tracer;
}

/** A span around every call, with ids and sizes; no value, body or message of an error ever. Reading a body is not part of it. */
export function tracing<Contract extends ContractName>(contract: Contract, options: TracingOptions = {}): Layer<Contracts[Contract]> {
  const tracer = options.tracer ?? trace.getTracer('@spacestore/core');
  return (store) =>
    aroundEach(contract, store, async (invocation, next) => {
      const span = tracer.startSpan(`${contract}.${invocation.method}`, { attributes: attributesOf(invocation) });
      try {
        return await context.with(trace.setSpan(context.active(), span), () => next(invocation));
      } catch (error) {
        const code = outcomeOf(error);
        span.setAttribute('error.type', code);
        span.setStatus({ code: SpanStatusCode.ERROR, message: code });
        throw error;
      } finally {
        span.end();
      }
    });
}

/** An allow-list by shape: a string in first or second place is an id (workspace, root, key, name), bytes and lists are told by size. */
function attributesOf({ args }: Invocation): Attributes {
  const attributes: Attributes = {};
  const [first, second] = args;
  if (typeof first === 'string') attributes['spacestore.space'] = first;
  if (typeof second === 'string') attributes['spacestore.id'] = second;
  for (const arg of args) {
    if (arg instanceof Uint8Array) attributes['spacestore.bytes'] = arg.length;
    else if (Array.isArray(arg)) {
      attributes['spacestore.items'] = arg.length;
      attributes['spacestore.bytes'] = arg.reduce((sum: number, item: unknown) => sum + bytesIn(item), 0);
    } else if (hasSize(arg)) attributes['spacestore.bytes'] = arg.sizeBytes;
  }
  return attributes;
}

function bytesIn(item: unknown): number {
  const { body, value } = (typeof item === 'object' && item !== null ? item : {}) as { readonly body?: unknown; readonly value?: unknown };
  return [body, value].reduce<number>((sum, bytes) => sum + (bytes instanceof Uint8Array ? bytes.length : 0), 0);
}

function hasSize(arg: unknown): arg is { readonly sizeBytes: number } {
  return typeof arg === 'object' && arg !== null && typeof (arg as { sizeBytes?: unknown }).sizeBytes === 'number';
}
