/** What the functions of np accept, and how operands come to one dtype and one shape: JAX's promotion, NumPy's broadcasting. */
import { fromTypedArray } from '../core/array.js';
import { Aval, broadcastShapes, sameShape, type Shape } from '../core/aval.js';
import { DTYPES, isFloat, promote, typeOfNumber, type DType, type TypeLike } from '../core/dtype.js';
import { ArgumentError, DTypeError } from '../core/errors.js';
import { checkOptions, type OptionNames } from '../core/options.js';
import * as lax from '../core/primitives/index.js';
import { Tensor } from '../core/tensor.js';

/** Typed arrays that become tensors of their own dtype (whole numbers of other widths int32, Float64Array float32). */
export type TypedArray =
  Float32Array | Float64Array | Int8Array | Int16Array | Int32Array | Uint8Array | Uint8ClampedArray | Uint16Array | Uint32Array;

/** An operand: a tensor, a number (weakly typed: it takes the other operand's dtype), a boolean, or a typed array. */
export type TensorLike = Tensor | number | boolean | TypedArray;

const BOOL: TypeLike = { dtype: 'bool', weak: false };

/** Typed arrays become tensors; all else stays, or throws if it is no operand. */
export function settle(x: TensorLike, name: string): Tensor | number | boolean {
  if (x instanceof Tensor || typeof x === 'number' || typeof x === 'boolean') return x;
  if (ArrayBuffer.isView(x)) return fromTypedArray(x);
  throw new ArgumentError(
    `np.${name} takes tensors, numbers, booleans and typed arrays, got ${describe(x)}${Array.isArray(x) ? '; make it a tensor with np.array' : ''}`,
  );
}

export function describe(x: unknown): string {
  if (x === null || x === undefined) return String(x);
  if (x instanceof Tensor) return x.toString();
  if (Array.isArray(x)) return `an array of ${x.length}`;
  if (typeof x === 'object') return `a ${x.constructor?.name ?? 'plain object'}`;
  if (typeof x === 'function') return `function ${x.name}`;
  return `${typeof x} ${typeof x === 'string' ? JSON.stringify(x) : String(x)}`;
}

export const shapeOf = (x: Tensor | number | boolean): Shape => (x instanceof Tensor ? x.shape : []);

export function typeOf(x: Tensor | number | boolean): TypeLike {
  if (x instanceof Tensor) return x.aval;
  return typeof x === 'number' ? typeOfNumber(x) : BOOL;
}

/** One operand as a tensor; a number becomes a scalar of its own dtype, int32 or float32. */
export function asTensor(x: TensorLike, name: string): Tensor {
  const value = settle(x, name);
  return value instanceof Tensor ? value : lax.full([], Number(value), typeOf(value).dtype);
}

/** One operand as a tensor of this dtype, without a node where it has it already. */
export function cast(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : lax.convert(x, dtype);
}

/** One operand as float32; other dtypes are converted. */
export const asFloat = (x: TensorLike, name: string): Tensor => {
  const value = settle(x, name);
  return value instanceof Tensor ? cast(value, 'float32') : lax.full([], Number(value));
};

/** One operand whose dtype counts: bool becomes int32. */
export const asNumeric = (x: TensorLike, name: string): Tensor => {
  const t = asTensor(x, name);
  return cast(t, t.dtype === 'bool' ? 'int32' : t.dtype);
};

/** One operand as bool: `x != 0`. */
export const asBool = (x: TensorLike, name: string): Tensor => {
  const t = asTensor(x, name);
  return t.dtype === 'bool' ? t : lax.ne(t, 0);
};

/** How far bool is widened: not at all, to int32, or every dtype to float32. */
export type Widening = 'none' | 'numeric' | 'float';

/** The dtype of an operation on all of these. */
export function commonDType(values: readonly (Tensor | number | boolean)[], widening: Widening = 'none'): DType {
  // A whole number past int32 keeps unsigned tensors unsigned, so that 32-bit masks work.
  const types = values.map((v) =>
    typeof v === 'number' && Number.isInteger(v) && v > 2147483647 && v <= 4294967295
      ? { dtype: 'uint32' as const, weak: true }
      : typeOf(v),
  );
  const strongInts = types.every((t) => t.weak || t.dtype === 'uint32') && types.some((t) => !t.weak);
  const { dtype } = promote(strongInts ? types : values.map(typeOf));
  if (widening === 'float') return isFloat(dtype) ? dtype : 'float32';
  return widening === 'numeric' && dtype === 'bool' ? 'int32' : dtype;
}

/** All operands at one dtype and one shape. A number or boolean becomes a `full` of both at once; nothing is added to operands that fit already. */
export function promoted(name: string, operands: readonly TensorLike[], widening: Widening = 'none'): Tensor[] {
  const values = operands.map((x) => settle(x, name));
  const dtype = commonDType(values, widening);
  const shape = broadcastShapes(values.map(shapeOf), `np.${name}`);
  return values.map((v) => fit(v, shape, dtype));
}

/** `promoted` for two operands, without the arrays. */
export function promotedPair(name: string, x: TensorLike, y: TensorLike, widening: Widening = 'none'): [Tensor, Tensor] {
  if (x instanceof Tensor && y instanceof Tensor && x.dtype === y.dtype && sameShape(x.shape, y.shape)) {
    if (widening === 'none' || isFloat(x.dtype)) return [x, y];
  }
  return promoted(name, [x, y], widening) as [Tensor, Tensor];
}

/** A value at this dtype and shape, which it broadcasts to. */
export function fit(value: Tensor | number | boolean, shape: Shape, dtype: DType): Tensor {
  if (!(value instanceof Tensor)) return lax.full(shape, dtype === 'uint32' ? Number(value) >>> 0 : Number(value), dtype); // negative ones wrap
  return lax.broadcastTo(cast(value, dtype), shape); // the smaller tensor is converted
}

/** Tensors at their common dtype, each with its own shape. */
export function promotedDTypes(name: string, operands: readonly TensorLike[]): Tensor[] {
  const values = operands.map((x) => settle(x, name));
  const dtype = commonDType(values);
  return values.map((v) => fit(v, shapeOf(v), dtype));
}

/**
 * The dtype that an operation on these gives, as jnp.result_type.
 * @example np.resultType(np.ones([2], 'int32'), 1.5); // => 'float32'
 */
export const resultType = (...operands: readonly (TensorLike | DType)[]): DType =>
  promote(operands.map((x) => (typeof x === 'string' ? Aval.of([], checkDType(x, 'resultType')) : typeOf(settle(x, 'resultType'))))).dtype;

/** A dtype, or an options object that may hold one. */
export type DTypeOption = DType | { readonly dtype?: DType };

export function checkDType(dtype: string, name: string): DType {
  if (!DTYPES.includes(dtype as DType)) {
    throw new DTypeError(`np.${name} got the dtype "${dtype}": flaxen has ${DTYPES.join(', ')}`);
  }
  return dtype as DType;
}

export function dtypeOption(option: DTypeOption | undefined, name: string): DType | undefined {
  const dtype = typeof option === 'string' ? option : option?.dtype;
  return dtype === undefined ? undefined : checkDType(dtype, name);
}

/** Options of np.`name`. The first of `names` may be given bare: `np.flip(x, 0)` is `np.flip(x, { axis: 0 })`. */
export function options<O extends object>(name: string, given: unknown, names: OptionNames<O>): O {
  if (given === undefined) return {} as O;
  if (given === null || typeof given !== 'object' || Array.isArray(given) || given instanceof Tensor) {
    return { [Object.keys(names)[0]!]: given } as O;
  }
  checkOptions(`np.${name}`, given as O, names);
  return given as O;
}
