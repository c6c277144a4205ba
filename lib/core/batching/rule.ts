/** What a batching rule is: how a primitive runs on examples that are stacked along axis 0 of some of its inputs. */
import { bind } from '../bind.js';
import type { Params, Primitive } from '../primitive.js';
import { broadcast, concatenate, reshape, sliceAxis, transpose } from '../primitives/index.js';
import type { Tensor } from '../tensor.js';

export interface BatchContext<P extends Params = Params> {
  readonly primitive: Primitive;
  readonly inputs: readonly Tensor[];
  /** Which inputs carry the examples in axis 0; the others are shared by all. At least one does. */
  readonly batched: readonly boolean[];
  readonly params: P;
  /** The number of examples. */
  readonly size: number;
}

/** Returns the outputs, every one with the examples in axis 0. */
export type BatchRule<P extends Params = Params> = (context: BatchContext<P>) => Tensor[];

const rules = new Map<string, BatchRule>();

/** Makes `rule` that of the primitives called `names`. */
export function defineBatching<P extends Params>(names: string | Iterable<string>, rule: BatchRule<P>): void {
  for (const name of typeof names === 'string' ? [names] : names) rules.set(name, rule as unknown as BatchRule);
}

/** The rule of a primitive: its family's; for elementwise ones the examples are more elements; one that has none runs example by example. */
export const batchingOf = ({ name, elementwise }: Primitive): BatchRule =>
  rules.get(name) ?? (elementwise ? moreElements : exampleByExample);

const moreElements: BatchRule = (c) => bind(c.primitive, spreadAll(c), c.params);

const exampleByExample: BatchRule = ({ primitive, inputs, batched, params, size }) => {
  const runs = Array.from({ length: size }, (_, i) => {
    const example = inputs.map((t, k) => (batched[k] ? reshape(sliceAxis(t, 0, i, i + 1), t.shape.slice(1)) : t));
    return bind(primitive, example, params).map((t) => reshape(t, [1, ...t.shape]));
  });
  return runs[0]!.map((_, k) =>
    concatenate(
      runs.map((outputs) => outputs[k]!),
      0,
    ),
  );
};

/** `x` with its examples in axis 0: a shared one is repeated. */
export const spread = (x: Tensor, batched: boolean, size: number): Tensor =>
  batched
    ? x
    : broadcast(
        x,
        [size, ...x.shape],
        x.shape.map((_, i) => i + 1),
      );

/** All inputs with their examples in axis 0. */
export const spreadAll = ({ inputs, batched, size }: Pick<BatchContext, 'inputs' | 'batched' | 'size'>): Tensor[] =>
  inputs.map((x, i) => spread(x, batched[i]!, size));

/** Dimension `from` moved to `to`, the others in order. */
export function moveAxis(x: Tensor, from: number, to: number): Tensor {
  const perm = x.shape.map((_, i) => i).filter((i) => i !== from);
  perm.splice(to, 0, from);
  return transpose(x, perm);
}
