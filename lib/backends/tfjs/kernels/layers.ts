/** Primitives that are whole layers. */
import { sizeOf } from '../../../core/aval.js';
import { int, type as typeOf, type Builder, type Value } from '../graph.js';
import { number, range, whole, type Kernel, type Kernels } from './kernel.js';
import { reduce } from './reduction.js';

const FEW_ROWS = 512;

/** Sums of columns [rows, features]. Many rows are summed in two stages, since TensorFlow adds them one after the other and so loses accuracy. */
function columnSums(b: Builder, x: Value): Value {
  const [rows, features] = x.shape as [number, number];
  const parts = rows < FEW_ROWS ? undefined : range(64).map((i) => 64 - i).find((k) => rows % k === 0); // prettier-ignore
  if (parts === undefined || parts === 1) return reduce(b, 'Sum', x, [0]);
  const first = reduce(b, 'Sum', b.reshape(x, [rows / parts, parts * features]), [0]);
  return reduce(b, 'Sum', b.reshape(first, [parts, features]), [0]);
}

/** Batch norm's inputs as rows of features. */
function rowsOf(b: Builder, x: Value): { rows: number; features: number; flat: (v: Value) => Value } {
  const features = x.shape.at(-1)!;
  const rows = features === 0 ? 0 : sizeOf(x.shape) / features;
  return { rows, features, flat: (v) => b.reshape(v, [rows, features]) };
}

/**
 * The variance is the mean square of deviations, never negative, whether fast or not: the more exact way that the contract allows. The slow one is
 * chosen for large means, so there the mean is corrected by that of the deviations from it.
 */
const batchNorm: Kernel = whole((b, [x, scale, bias], { params }) => {
  const { rows, flat } = rowsOf(b, x!);
  const all = flat(x!);
  const share = b.float(1 / rows);
  let mean = b.binary('Mul', columnSums(b, all), share);
  let centered = b.binary('Sub', all, mean);
  if (params.fastVariance !== true) {
    mean = b.binary('AddV2', mean, b.binary('Mul', columnSums(b, centered), share));
    centered = b.binary('Sub', all, mean);
  }
  const variance = b.binary('Mul', columnSums(b, b.unary('Square', centered)), share);
  const inverse = b.unary('Rsqrt', b.binary('AddV2', variance, b.float(number(params, 'epsilon'))));
  const y = b.binary('AddV2', b.binary('Mul', centered, b.binary('Mul', inverse, scale!)), bias!);
  return [b.reshape(y, x!.shape), mean, variance];
});

const batchNormGrad: Kernel = whole((b, [dy, x, scale, mean, variance], { params }) => {
  const { rows, flat } = rowsOf(b, x!);
  const fast = params.fastVariance === true;
  const share = b.float(1 / rows);
  const clipped = fast ? b.unary('Relu', variance!) : variance!;
  const inverse = b.unary('Rsqrt', b.binary('AddV2', clipped, b.float(number(params, 'epsilon'))));
  const centered = b.binary('Sub', flat(x!), mean!);
  const ct = flat(dy!);
  const dbias = columnSums(b, ct);
  const dscale = b.binary('Mul', columnSums(b, b.binary('Mul', ct, centered)), inverse);
  // 1 where the variance is positive, 1/2 at 0, 0 below.
  const gate = b.binary('Mul', b.binary('AddV2', b.unary('Sign', variance!), b.float(1)), b.float(0.5));
  const through = b.binary('Mul', b.binary('Mul', fast ? b.binary('Mul', dscale, gate) : dscale, share), inverse);
  const rest = b.binary('Sub', b.binary('Sub', ct, b.binary('Mul', dbias, share)), b.binary('Mul', centered, through));
  const dx = b.binary('Mul', rest, b.binary('Mul', scale!, inverse));
  return [b.reshape(dx, x!.shape), dscale, dbias];
});

const softmaxCrossEntropy: Kernel = whole((b, [logits, labels], { outputs }) => {
  const classes = logits!.shape.at(-1)!;
  const rows = sizeOf(labels!.shape);
  const all = b.reshape(logits!, [rows, classes]);
  const greatest = reduce(b, 'Max', all, [1]);
  const isFinite = b.op1('IsFinite', [greatest], { T: typeOf('float') }, { type: 'bool', shape: [rows] });
  const shift = b.select(isFinite, greatest, b.float(0));
  const exps = b.unary('Exp', b.binary('Sub', all, b.reshape(shift, [rows, 1])));
  const logSumExp = b.binary('AddV2', b.unary('Log', reduce(b, 'Sum', exps, [1])), shift);
  const given = b.reshape(labels!, [rows]);
  const label = b.select(b.binary('Less', given, b.int32(0), 'bool'), b.binary('AddV2', given, b.int32(classes)), given);
  const inside = b.binary('Less', b.bitcast(label, 'uint32'), b.bitcast(b.int32(classes), 'uint32'), 'bool');
  const starts = b.constant(
    'int32',
    [rows],
    Int32Array.from(range(rows), (r) => r * classes),
  );
  const places = b.binary('AddV2', b.select(inside, label, b.int32(0)), starts);
  const attributes = { batch_dims: int(0), Tparams: typeOf('float'), Tindices: typeOf('int32'), Taxis: typeOf('int32') };
  const picked =
    rows === 0
      ? logSumExp
      : b.op1('GatherV2', [b.reshape(all, [rows * classes]), places, b.int32(0)], attributes, { type: 'float', shape: [rows] });
  const loss = b.binary('Sub', logSumExp, b.select(inside, picked, b.float(NaN)));
  return [b.reshape(loss, outputs[0]!.shape), b.reshape(logSumExp, outputs[0]!.shape)];
});

const softmaxCrossEntropyGrad: Kernel = whole((b, [dloss, logits, labels, logSumExp]) => {
  const classes = logits!.shape.at(-1)!;
  const rows = sizeOf(labels!.shape);
  const column = (v: Value): Value => b.reshape(v, [rows, 1]);
  const exps = b.unary('Exp', b.binary('Sub', b.reshape(logits!, [rows, classes]), column(logSumExp!)));
  const weight = b.binary('RealDiv', b.reshape(dloss!, [rows]), reduce(b, 'Sum', exps, [1]));
  const given = column(labels!);
  const label = b.select(b.binary('Less', given, b.int32(0), 'bool'), b.binary('AddV2', given, b.int32(classes)), given);
  const hit = b.binary('Equal', b.constant('int32', [1, classes], Int32Array.from(range(classes))), label, 'bool');
  const ofLabel = b.select(hit, column(dloss!), b.float(0));
  return [b.reshape(b.binary('Sub', b.binary('Mul', exps, column(weight)), ofLabel), logits!.shape)];
});

const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
];

/** Threefry-2x32 with 20 rounds (Salmon et al. 2011). */
const threefry: Kernel = whole((b, [key, x0, x1]) => {
  const word = (i: number): Value => {
    const bounds = [[i], [i + 1], [1]].map((v) => b.int32(v));
    const masks = Object.fromEntries(['begin', 'end', 'ellipsis', 'new_axis', 'shrink_axis'].map((m) => [`${m}_mask`, int(m === 'shrink_axis' ? 1 : 0)])); // prettier-ignore
    return b.op1('StridedSlice', [key!, ...bounds], { T: typeOf('int32'), Index: typeOf('int32'), ...masks }, { type: 'int32', shape: [] });
  };
  const add = (x: Value, y: Value): Value => b.binary('AddV2', x, y);
  const xor = (x: Value, y: Value): Value => b.binary('BitwiseXor', x, y);
  const shift = (name: string, x: Value, by: number): Value => b.binary(name, x, b.bitcast(b.int32(by), 'uint32'));
  const rotate = (x: Value, by: number): Value => {
    const bits = b.bitcast(x, 'uint32');
    return b.bitcast(b.binary('BitwiseOr', shift('LeftShift', bits, by), shift('RightShift', bits, 32 - by)), 'int32');
  };
  const keys = [word(0), word(1)];
  keys.push(xor(xor(keys[0]!, keys[1]!), b.int32(0x1bd11bda)));
  let [first, second] = [add(x0!, keys[0]!), add(x1!, keys[1]!)];
  for (let group = 0; group < 5; group++) {
    for (const by of ROTATIONS[group % 2]!) {
      first = add(first, second);
      second = xor(rotate(second, by), first);
    }
    first = add(first, keys[(group + 1) % 3]!);
    second = add(second, add(keys[(group + 2) % 3]!, b.int32(group + 1)));
  }
  return [first, second];
});

export const layerKernels: Kernels = { batchNorm, batchNormGrad, softmaxCrossEntropy, softmaxCrossEntropyGrad, threefry2x32: threefry };
