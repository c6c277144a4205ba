/** Primitives that order elements: argmax, argmin, sort. Floats are ordered by integers that stand for them, so that NaN and zeros fall where the contract says. */
import type { DType } from '../../../core/dtype.js';
import { sizeOf } from '../../../core/aval.js';
import { bool, int, type as typeOf, type Builder, type Value } from '../graph.js';
import { number, range, whole, type Kernel, type Kernels } from './kernel.js';

const [INT_MIN, INT_MAX] = [-2147483648, 2147483647];

/** An int32 for each element, ordered as the elements are; `ofNaN` stands for any NaN. */
function orderKey(b: Builder, x: Value, dtype: DType, ofNaN: number): Value {
  if (dtype === 'bool') return b.cast(x, 'int32');
  if (dtype === 'int32') return x;
  if (dtype === 'uint32') return b.binary('BitwiseXor', x, b.int32(INT_MIN));
  const bits = b.bitcast(x, 'int32');
  // Negative floats count down from -0, which equals 0.
  const key = b.select(b.binary('Less', bits, b.int32(0), 'bool'), b.binary('Sub', b.int32(INT_MIN), bits), bits);
  return b.select(b.binary('Equal', x, x, 'bool'), key, b.int32(ofNaN));
}

const indexOfExtremum = (name: 'ArgMax' | 'ArgMin'): Kernel =>
  whole((b, [x], { params, inputs, outputs }) => {
    const key = orderKey(b, x!, inputs[0]!.dtype, name === 'ArgMax' ? INT_MAX : INT_MIN);
    const attributes = { T: typeOf('int32'), Tidx: typeOf('int32'), output_type: typeOf('int32') };
    return [b.op1(name, [key, b.int32(number(params, 'axis'))], attributes, { type: 'int32', shape: outputs[0]!.shape })];
  });

/** The order that sorts int32 rows [rows, n] ascending, stably: the greatest complements, of equal ones the first. */
function orderOf(b: Builder, keys: Value): Value {
  const attributes = { sorted: bool(true), T: typeOf('int32'), Tk: typeOf('int32'), index_type: typeOf('int32') };
  const outputs = [keys, keys].map(({ shape }) => ({ type: 'int32' as const, shape }));
  return b.op('TopKV2', [b.unary('Invert', keys), b.int32(keys.shape[1]!)], attributes, outputs)[1]!;
}

/** Elements of rows [rows, n] in an order [rows, n]. */
function permute(b: Builder, x: Value, order: Value): Value {
  const [rows, n] = x.shape as [number, number];
  const starts = b.constant(
    'int32',
    [rows, 1],
    Int32Array.from(range(rows), (r) => r * n),
  );
  const attributes = { batch_dims: int(0), Tparams: typeOf(x.type), Tindices: typeOf('int32'), Taxis: typeOf('int32') };
  return b.op1('GatherV2', [b.reshape(x, [rows * n]), b.binary('AddV2', order, starts), b.int32(0)], attributes, x);
}

/** Sorted by the last key first, then stably by those before it. */
const sort: Kernel = whole((b, inputs, { params, inputs: types }) => {
  const { shape } = inputs[0]!;
  if (sizeOf(shape) === 0) return inputs;
  const [axis, last] = [number(params, 'axis'), shape.length - 1];
  const swap = range(shape.length).map((d) => (d === axis ? last : d === last ? axis : d));
  const n = shape[axis]!;
  const rows = (x: Value): Value => b.reshape(b.transpose(x, swap), [sizeOf(shape) / n, n]);
  let order: Value | null = null;
  for (let k = number(params, 'numKeys') - 1; k >= 0; k--) {
    const key = orderKey(b, rows(inputs[k]!), types[k]!.dtype, INT_MAX);
    const next = orderOf(b, order === null ? key : permute(b, key, order));
    order = order === null ? next : permute(b, order, next);
  }
  const back = swap.map((d) => shape[d]!);
  return inputs.map((x) => b.transpose(b.reshape(permute(b, rows(x), order!), back), swap));
});

export const orderKernels: Kernels = { argmax: indexOfExtremum('ArgMax'), argmin: indexOfExtremum('ArgMin'), sort };
