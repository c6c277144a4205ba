/** A traced graph becomes TensorFlow operations, one primitive after the other. */
import type { Shape } from '../../core/aval.js';
import type { DType } from '../../core/dtype.js';
import { BackendError } from '../../core/errors.js';
import type { WireAval, WireGraph, WireNode } from '../backend.js';
import { Builder, type Op, type TfGraph, type Value } from './graph.js';
import { kernels } from './kernels/index.js';
import type { TfType } from './load.js';

/** uint32 is held as int32: the binding moves no other integers of 32 bits between JavaScript and TensorFlow. */
export const heldAs: Record<DType, TfType> = { float32: 'float', int32: 'int32', uint32: 'int32', bool: 'bool' };

export function lower(graph: WireGraph): TfGraph {
  const builder = new Builder();
  const avals: WireAval[] = [...graph.inputs];
  const values: Value[] = graph.inputs.map(({ shape, dtype }) => builder.input({ type: heldAs[dtype], shape }));
  graph.nodes.forEach((node, at) => {
    builder.origin = `node ${at} (${node.op})`;
    const inputs = node.inputs.map((id) => known(avals, id, builder.origin));
    values.push(...lowerNode(builder, node, inputs, node.inputs.map((id) => values[id]!))); // prettier-ignore
    avals.push(...node.outputs);
  });
  builder.origin = 'the outputs';
  const taken = new Set<number>();
  const outputs = graph.outputs.map((id, i) => {
    const value = builder.broadcast(values[id] ?? missing(id, `output ${i}`), known(avals, id, `output ${i}`).shape);
    if (builder.sources[value.id]!.from === 'op' && !taken.has(value.id)) {
      taken.add(value.id);
      return value;
    }
    // A handle of its own for what is an input, a constant, or two outputs at once.
    return builder.copy(value);
  });
  return { inputs: builder.inputs, ops: live(builder, outputs), sources: builder.sources, outputs };
}

function lowerNode(builder: Builder, node: WireNode, inputs: readonly WireAval[], values: readonly Value[]): readonly Value[] {
  const kernel = kernels.get(node.op);
  if (kernel === undefined) throw new BackendError(`${builder.origin}: the tfjs backend knows no primitive "${node.op}"`);
  const given = kernel.broadcasts ? values : values.map((v, i) => builder.broadcast(v, inputs[i]!.shape));
  const results = kernel.lower(builder, given, { params: node.params, inputs, outputs: node.outputs });
  if (results.length !== node.outputs.length)
    throw new BackendError(`${builder.origin} has ${results.length} outputs, the graph says ${node.outputs.length}`);
  results.forEach((value, i) => {
    const { shape, dtype } = node.outputs[i]!;
    if (value.type !== heldAs[dtype] || !fits(value.shape, shape))
      throw new BackendError(`${builder.origin} gives ${value.type}[${value.shape}], the graph says ${dtype}[${shape}]`);
  });
  return results;
}

/** True if NumPy's broadcasting takes `from` to `to`. */
function fits(from: Shape, to: Shape): boolean {
  const lead = to.length - from.length;
  return lead >= 0 && from.every((d, i) => d === 1 || d === to[lead + i]);
}

/** The operations that the outputs need. */
function live(builder: Builder, outputs: readonly Value[]): Op[] {
  const needed = new Set(outputs.map((v) => v.id));
  const ops: Op[] = [];
  for (let i = builder.ops.length - 1; i >= 0; i--) {
    const op = builder.ops[i]!;
    if (!op.outputs.some((v) => needed.has(v.id))) continue;
    op.inputs.forEach((v) => needed.add(v.id));
    ops.push(op);
  }
  return ops.reverse();
}

const known = (avals: readonly WireAval[], id: number, where: string): WireAval => avals[id] ?? missing(id, where);

function missing(id: number, where: string): never {
  throw new BackendError(`${where} reads value ${id}, which no earlier node makes`);
}
