/** The tape: for values that depend on a differentiated input, which primitive made them. Nothing is recorded when nobody differentiates. */
import type { GradContext, Params, Primitive } from './primitive.js';
import type { Tensor } from './tensor.js';

/** One recorded application of a primitive, or of a whole jitted call. */
export interface TapeNode {
  readonly name: string;
  readonly grad: ((context: GradContext) => (Tensor | null)[]) | null;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly params: Params;
  /** The innermost differentiation that this depends on; those that enclose it have smaller numbers. */
  readonly level: number;
  /** Grows: a node's inputs were made by nodes of smaller order. */
  readonly order: number;
}

let depth = 0;
let order = 0;
let levels = 0;

/** True while some function is being differentiated. */
export const isRecording = (): boolean => depth > 0;

/** Runs `f` with recording on. */
export function whileRecording<T>(f: () => T): T {
  depth++;
  try {
    return f();
  } finally {
    depth--;
  }
}

export const newLevel = (): number => ++levels;

/** A fresh identity of `tensor` that a differentiation of this level calls its own; cotangents pass through it to outer ones. */
export function freshInput(tensor: Tensor, level: number): Tensor {
  return makeNode({ name: 'input', grad: ({ ct }) => [ct] }, [tensor], [tensor], {}, level)[0]!;
}

/** Gives `outputs` their origin when recording is on and an input has one. */
export function record(
  primitive: Pick<Primitive, 'name' | 'grad'>,
  inputs: readonly Tensor[],
  outputs: Tensor[],
  params: Params,
): Tensor[] {
  if (depth === 0) return outputs;
  let level = 0;
  for (const t of inputs) if (t.origin !== null && t.origin.node.level > level) level = t.origin.node.level;
  return level === 0 ? outputs : makeNode(primitive, inputs, outputs, params, level);
}

function makeNode(
  rule: Pick<Primitive, 'name' | 'grad'>,
  inputs: readonly Tensor[],
  values: Tensor[],
  params: Params,
  level: number,
): Tensor[] {
  const outputs: Tensor[] = [];
  const node: TapeNode = { name: rule.name, grad: rule.grad, inputs, outputs, params, level, order: ++order };
  values.forEach((t, index) => outputs.push(t.withOrigin({ node, index })));
  return outputs;
}
