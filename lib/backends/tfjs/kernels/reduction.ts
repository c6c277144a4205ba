/** Reductions and running sums. */
import type { Shape } from '../../../core/aval.js';
import { bool, type as typeOf, type Attributes, type Builder, type Value } from '../graph.js';
import { list, number, whole, type Kernel, type Kernels } from './kernel.js';

export function reduce(b: Builder, name: string, x: Value, axes: readonly number[], keepDims = false): Value {
  const shape: Shape = keepDims ? x.shape.map((d, i) => (axes.includes(i) ? 1 : d)) : x.shape.filter((_, i) => !axes.includes(i));
  const ofType: Attributes = name === 'All' || name === 'Any' ? {} : { T: typeOf(x.type) };
  return b.op1(name, [x, b.int32(axes)], { keep_dims: bool(keepDims), ...ofType, Tidx: typeOf('int32') }, { type: x.type, shape });
}

const sum = (name: string): Kernel => whole((b, [x], { params }) => [reduce(b, name, x!, list(params, 'axes'))]);

const extremum = (name: 'Max' | 'Min', ofBools: 'Any' | 'All'): Kernel =>
  whole((b, [x], { params, inputs }) => {
    const axes = list(params, 'axes');
    const { dtype } = inputs[0]!;
    if (dtype === 'bool') return [reduce(b, ofBools, x!, axes)];
    if (dtype === 'uint32') return [b.bitcast(reduce(b, name, b.bitcast(x!, 'uint32'), axes), 'int32')];
    return [reduce(b, name, x!, axes)];
  });

const cumsum: Kernel = whole((b, [x], { params }) => {
  const attributes = { exclusive: bool(false), reverse: bool(params.reverse === true), T: typeOf(x!.type), Tidx: typeOf('int32') };
  return [b.op1('Cumsum', [x!, b.int32(number(params, 'axis'))], attributes, x!)];
});

export const reductionKernels: Kernels = {
  reduceSum: sum('Sum'),
  reduceProd: sum('Prod'),
  reduceMax: extremum('Max', 'Any'),
  reduceMin: extremum('Min', 'All'),
  cumsum,
};
