/** The one way to apply a primitive: check it, then append it to the open trace or run it at once, then record it if someone differentiates. */
import type { Buffer, Executable } from '../backends/backend.js';
import { currentBackend } from '../backends/select.js';
import type { Aval } from './aval.js';
import { ArgumentError } from './errors.js';
import type { Params, Primitive } from './primitive.js';
import { record } from './tape.js';
import { Tensor } from './tensor.js';
import { currentTrace } from './trace.js';

export function bind<P extends Params>(primitive: Primitive<P>, inputs: readonly Tensor[], params: P): Tensor[] {
  const avals = primitive.infer(
    inputs.map((t) => (t instanceof Tensor ? t.aval : refuse(primitive.name, t))),
    params,
  );
  const p = primitive as unknown as Primitive;
  const trace = currentTrace();
  const outputs = trace !== null ? trace.append(p, inputs, params, avals) : runAtOnce(p, inputs, params, avals);
  return record(p, inputs, outputs, params);
}

/** Refuses a value that is no tensor. */
export function refuse(name: string, value: unknown): never {
  const kind = typeof value === 'object' && value !== null ? `a value of class ${value.constructor?.name ?? 'Object'}` : String(value);
  throw new ArgumentError(`${name} needs tensors, got ${kind}: make one with np.array`);
}

/** `bind` for primitives with one output. */
export const bind1 = <P extends Params>(primitive: Primitive<P>, inputs: readonly Tensor[], params: P): Tensor =>
  bind(primitive, inputs, params)[0]!;

// Programs of one node, by primitive, parameters and types: eager operations compile once.
const cache = new Map<string, Executable>();
const CACHE_LIMIT = 2048;

function runAtOnce(primitive: Primitive, inputs: readonly Tensor[], params: Params, avals: readonly Aval[]): Tensor[] {
  const backend = currentBackend();
  const buffers: Buffer[] = inputs.map((t) => {
    t.variable?.trace.check(t);
    return t.live(primitive.name);
  });
  let key = backend.name + primitive.name;
  for (const name in params) key += `|${Object.is(params[name], -0) ? '-0' : String(params[name])}`;
  for (const t of inputs) key += `;${t.aval.dtype}${t.shape.join()}`;
  if (inputs.length === 0) key += avals.map((a) => `;${a.dtype}${a.shape.join()}`).join('');
  else key += `>${avals.map((a) => `${a.dtype}${a.shape.join()}`).join(';')}`;
  let program = cache.get(key);
  if (program === undefined) {
    program = backend.compile({
      inputs: inputs.map((t) => ({ shape: t.shape, dtype: t.dtype })),
      nodes: [
        { op: primitive.name, inputs: inputs.map((_, i) => i), params, outputs: avals.map((a) => ({ shape: a.shape, dtype: a.dtype })) },
      ],
      outputs: avals.map((_, i) => inputs.length + i),
      donated: [],
    });
    if (cache.size >= CACHE_LIMIT) cache.delete(cache.keys().next().value!); // the oldest
    cache.set(key, program);
  }
  const results = program.run(buffers);
  return avals.map((a, i) => Tensor.concrete(a, results[i]!));
}
