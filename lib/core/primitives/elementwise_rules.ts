/** What elementwise primitives share: their shape rule, numbers as operands, and the form of their gradient rules. */
import { sameShape } from '../aval.js';
import { bind1, refuse } from '../bind.js';
import { isFloat, isInteger, type DType } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';
import { definePrimitive, type GradContext, type Primitive } from '../primitive.js';
import { Tensor } from '../tensor.js';
import { full } from './creation.js';

/** A tensor, or a number that stands for a tensor full of it. */
export type Operand = Tensor | number;
type Rule = (context: GradContext) => (Tensor | null)[];
type Kind = 'float' | 'number' | 'integer' | 'bits' | 'any';

const accepts: Record<Kind, (d: DType) => boolean> = {
  float: isFloat,
  number: (d) => d !== 'bool',
  integer: isInteger,
  bits: (d) => !isFloat(d),
  any: () => true,
};
const wanted: Record<Kind, string> = {
  float: 'float32',
  number: 'float32, int32 or uint32',
  integer: 'int32 or uint32',
  bits: 'int32, uint32 or bool',
  any: 'any dtype',
};

export function elementwise(name: string, kind: Kind, grad: Rule | null, result?: DType): Primitive {
  return definePrimitive({
    name,
    elementwise: true,
    infer(inputs) {
      const first = inputs[0]!;
      for (const a of inputs) {
        if (!sameShape(a.shape, first.shape)) {
          throw new ShapeError(`${name} needs inputs of one shape, got ${inputs.join(' and ')}; broadcast them first`);
        }
        if (a.dtype !== first.dtype)
          throw new DTypeError(`${name} needs inputs of one dtype, got ${inputs.join(' and ')}; convert them first`);
        if (!accepts[kind](a.dtype)) throw new DTypeError(`${name} takes ${wanted[kind]}, got ${a}; convert it with astype`);
      }
      return [first.with({ dtype: result ?? first.dtype, weak: result === undefined && inputs.every((a) => a.weak) })];
    },
    grad,
  });
}

export const unary = (name: string, kind: Kind, grad: Rule | null, result?: DType) => {
  const primitive = elementwise(name, kind, grad, result);
  return (x: Tensor): Tensor => bind1(primitive, [x], {});
};

/** Numbers take the other operand's dtype and shape. */
export function pair(name: string, x: Operand, y: Operand): [Tensor, Tensor] {
  for (const v of [x, y]) if (typeof v !== 'number' && !(v instanceof Tensor)) refuse(name, v);
  if (typeof x !== 'number') return [x, typeof y === 'number' ? full(x.shape, y, x.dtype) : y];
  if (typeof y === 'number') throw new DTypeError(`${name} of two numbers: compute it in JavaScript`);
  return [full(y.shape, x, y.dtype), y];
}

export const binary = (name: string, kind: Kind, grad: Rule | null, result?: DType) => {
  const primitive = elementwise(name, kind, grad, result);
  return (x: Operand, y: Operand): Tensor => bind1(primitive, pair(name, x, y), {});
};

// A rule for each input, computed only where it is needed.
export const each =
  (...rules: ((c: GradContext) => Tensor)[]): Rule =>
  (c) =>
    rules.map((rule, i) => (c.needs[i] ? rule(c) : null));
export const x = (c: GradContext): Tensor => c.inputs[0]!;
export const y = (c: GradContext): Tensor => c.inputs[1]!;
export const out = (c: GradContext): Tensor => c.outputs[0]!;
