/** Pooling: MaxPool and AvgPool over two dimensions, and TensorFlow's gradients of them. */
import { sizeOf, type Shape } from '../../../core/aval.js';
import { bool, int, ints, string, type as typeOf, type Attributes, type Builder, type Value } from '../graph.js';
import { list, whole, type Kernels, type Lowering } from './kernel.js';
import { pad, slice } from './layout.js';

/** Pooling of [batch, height, width, features]. */
interface Pool {
  readonly x: Shape;
  readonly window: readonly number[];
  readonly strides: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

const float = typeOf('float');
const result = (shape: Shape) => ({ type: 'float' as const, shape });
const paddedShape = ({ x, low, high }: Pool): Shape => x.map((d, i) => (i === 1 || i === 2 ? d + low[i - 1]! + high[i - 1]! : d));
const pooledShape = (pool: Pool): Shape =>
  paddedShape(pool).map((d, i) => (i === 1 || i === 2 ? Math.floor((d - pool.window[i - 1]!) / pool.strides[i - 1]!) + 1 : d));

const attributes = ({ window, strides }: Pool): Attributes => ({
  T: float,
  ksize: ints([1, ...window, 1]),
  strides: ints([1, ...strides, 1]),
  padding: string('VALID'),
});
const padded = (b: Builder, x: Value, { low, high }: Pool, filler: number): Value =>
  pad(b, x, b.float(filler), [0, ...low, 0], [0, ...high, 0]);
const cropped = (b: Builder, dx: Value, { low, x }: Pool): Value => {
  const start = [0, ...low, 0];
  return slice(b, dx, start, start.map((s, i) => s + x[i]!), [1, 1, 1, 1]); // prettier-ignore
};

const LOWEST = -(2 - 2 ** -23) * 2 ** 127;

/**
 * TensorFlow's maximum starts from the lowest float and passes over NaN. A window's mean tells where that is not the maximum: it is NaN for a window with a
 * NaN (and for one with both infinities, whose maximum stands), -infinity for one of nothing else.
 */
function maxPool(b: Builder, x: Value, pool: Pool): Value {
  const input = padded(b, x, pool, -Infinity);
  const [greatest, mean] = ['MaxPool', 'AvgPool'].map((op) => b.op1(op, [input], attributes(pool), result(pooledShape(pool)))) as [Value, Value]; // prettier-ignore
  const isNaN = b.op1('IsNan', [mean], { T: float }, { type: 'bool', shape: mean.shape });
  const unfounded = b.binary('Equal', greatest, b.float(LOWEST), 'bool');
  const overlooked = b.op1('LogicalAnd', [isNaN, b.binary('Less', greatest, b.float(Infinity), 'bool')], {}, isNaN);
  return b.select(b.op1('LogicalOr', [unfounded, overlooked], {}, isNaN), mean, greatest);
}

/** TensorFlow finds the maxima again; of the pooled tensor, the second operand, it uses the shape, which dy has too. */
function maxPoolGrad(b: Builder, x: Value, dy: Value, pool: Pool): Value {
  const dx = b.op1('MaxPoolGrad', [padded(b, x, pool, -Infinity), dy, dy], attributes(pool), result(paddedShape(pool)));
  return cropped(b, dx, pool);
}

function maxPoolGather(b: Builder, x: Value, t: Value, pool: Pool): Value {
  const shape = pooledShape(pool);
  const { padding, T, ksize, strides } = attributes(pool);
  const argmax = {
    ksize: ksize!,
    strides: strides!,
    padding: padding!,
    T: T!,
    Targmax: typeOf('int32'),
    include_batch_in_index: bool(true),
  };
  const places = b.op('MaxPoolWithArgmax', [padded(b, x, pool, -Infinity)], argmax, [result(shape), { type: 'int32', shape }])[1]!;
  const flat = b.reshape(padded(b, t, pool, 0), [sizeOf(paddedShape(pool))]);
  const gather = { batch_dims: int(0), Tparams: float, Tindices: typeOf('int32'), Taxis: typeOf('int32') };
  return b.op1('GatherV2', [flat, places, b.int32(0)], gather, result(shape));
}

const areaOf = ({ window }: Pool): number => window[0]! * window[1]!;

function sumPool(b: Builder, x: Value, pool: Pool): Value {
  const mean = b.op1('AvgPool', [padded(b, x, pool, 0)], attributes(pool), result(pooledShape(pool)));
  return b.binary('Mul', mean, b.float(areaOf(pool)));
}

function sumPoolGrad(b: Builder, dy: Value, pool: Pool): Value {
  const shape = paddedShape(pool);
  const scaled = b.binary('Mul', dy, b.float(areaOf(pool)));
  return cropped(b, b.op1('AvgPoolGrad', [b.int32(shape), scaled], attributes(pool), result(shape)), pool);
}

/**
 * A pooling of any number of dimensions as one or two of two: three are pooled over the last two first, then over the first, which finds the first maximum in
 * row-major order as well.
 */
function stages(shape: Shape, given: Omit<Pool, 'x'>): Pool[] {
  const [n, c] = [shape[0]!, shape.at(-1)!];
  const spatial = shape.slice(1, -1);
  const over = (x: Shape, from: number, to: number): Pool => {
    const along = (key: 'window' | 'strides' | 'low' | 'high', rest: number): number[] => {
      const own = given[key].slice(from, to);
      return own.length === 1 ? (from === 0 && spatial.length === 3 ? [own[0]!, rest] : [rest, own[0]!]) : own;
    };
    return { x, window: along('window', 1), strides: along('strides', 1), low: along('low', 0), high: along('high', 0) };
  };
  if (spatial.length === 1) return [over([n, 1, spatial[0]!, c], 0, 1)];
  if (spatial.length === 2) return [over(shape, 0, 2)];
  const inner = over([n * spatial[0]!, spatial[1]!, spatial[2]!, c], 1, 3);
  const [, h, w] = pooledShape(inner) as [number, number, number, number];
  return [inner, over([n, spatial[0]!, h * w, c], 0, 1)];
}

type Apply = (b: Builder, operands: readonly Value[], pools: readonly Pool[]) => Value;

/** The pooled x is the first input, or the output. TensorFlow pools nothing empty: all windows lie in the padding then, and come to `empty`. */
function lowering(xOf: 'input' | 'output', empty: number, apply: Apply): Lowering {
  return (b, inputs, { params, outputs }) => {
    const wanted = outputs[0]!.shape;
    const x = xOf === 'input' ? inputs[0]!.shape : wanted;
    if (sizeOf(wanted) === 0 || inputs.some((v) => sizeOf(v.shape) === 0)) return [b.broadcast(b.float(empty), wanted)];
    const pools = stages(x, { window: list(params, 'window'), strides: list(params, 'strides'), low: list(params, 'low'), high: list(params, 'high') }); // prettier-ignore
    return [b.reshape(apply(b, inputs, pools), wanted)];
  };
}

/** From the first stage to the last. */
const down = (b: Builder, x: Value, pools: readonly Pool[], f: typeof maxPool): Value =>
  pools.reduce((v, pool) => f(b, b.reshape(v, pool.x), pool), x);

/** Each stage with what comes into it. */
const withInputs = (b: Builder, x: Value, pools: readonly Pool[]): { pool: Pool; input: Value }[] => {
  const out: { pool: Pool; input: Value }[] = [];
  for (const pool of pools) {
    const last = out.at(-1);
    out.push({ pool, input: b.reshape(last === undefined ? x : maxPool(b, last.input, last.pool), pool.x) });
  }
  return out;
};

export const poolingKernels: Kernels = {
  maxPool: whole(lowering('input', -Infinity, (b, [x], pools) => down(b, x!, pools, maxPool))),
  maxPoolGrad: whole(
    lowering('input', 0, (b, [x, dy], pools) =>
      withInputs(b, x!, pools).reduceRight((ct, { pool, input }) => maxPoolGrad(b, input, b.reshape(ct, pooledShape(pool)), pool), dy!),
    ),
  ),
  maxPoolGather: whole(
    lowering('input', 0, (b, [x, t], pools) =>
      withInputs(b, x!, pools).reduce((v, { pool, input }) => maxPoolGather(b, input, b.reshape(v, pool.x), pool), t!),
    ),
  ),
  sumPool: whole(lowering('input', 0, (b, [x], pools) => down(b, x!, pools, sumPool))),
  sumPoolGrad: whole(
    lowering('output', 0, (b, [dy], pools) => pools.reduceRight((ct, pool) => sumPoolGrad(b, b.reshape(ct, pooledShape(pool)), pool), dy!)),
  ),
};
