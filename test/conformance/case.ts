/** One primitive applied once: what the conformance suite runs on a backend and on the reference. */
import type { DType } from 'flaxen';
import { Aval } from '../../lib/core/aval.js';
import { primitives } from '../../lib/core/primitive.js';
import type { Backend, DataArray, WireAval, WireGraph, WireParams } from '../../lib/backends/backend.js';
import type { Tolerance } from './compare.js';
import { sizeOf } from './data.js';

export interface Input extends WireAval {
  readonly values: Float64Array;
}

export interface Case {
  readonly op: string;
  readonly label: string;
  readonly inputs: readonly Input[];
  readonly params: WireParams;
  readonly tolerance: Tolerance;
}

const PERIOD = 8209; // a prime, so that no block or row of a kernel sees the same again

/** Values are rounded to float32; a long input repeats what its first PERIOD elements hold. */
export function input(shape: readonly number[], dtype: DType, element: (i: number) => number): Input {
  const values = new Float64Array(sizeOf(shape));
  const drawn = dtype === 'float32' ? new Float32Array(Math.min(PERIOD, values.length)) : new Float64Array(Math.min(PERIOD, values.length));
  for (let i = 0; i < drawn.length; i++) drawn[i] = element(i);
  for (let at = 0; at < values.length; at += PERIOD) values.set(drawn.subarray(0, values.length - at), at);
  return { shape, dtype, values };
}

/** The types of a primitive's results. */
export function outputsOf(op: string, inputs: readonly WireAval[], params: WireParams): WireAval[] {
  const primitive = primitives().get(op)!;
  return primitive
    .infer(
      inputs.map((x) => Aval.of(x.shape, x.dtype)),
      params,
    )
    .map(({ shape, dtype }) => ({ shape, dtype }));
}

export function graphOf({ op, inputs, params }: Case): WireGraph {
  const outputs = outputsOf(op, inputs, params);
  return {
    inputs: inputs.map(({ shape, dtype }) => ({ shape, dtype })),
    nodes: [{ op, inputs: inputs.map((_, i) => i), params, outputs }],
    outputs: outputs.map((_, i) => inputs.length + i),
    donated: [],
  };
}

/** The results of a case on a backend. */
export function runCase(backend: Backend, one: Case): DataArray[] {
  const buffers = one.inputs.map((x) => backend.fromHost(x.values as unknown as DataArray, x.dtype));
  return backend
    .compile(graphOf(one))
    .run(buffers)
    .map((b) => backend.readSync(b));
}

/** `name float32[2, 3] int32[] {axis: 1}` */
export function describeCase({ op, label, inputs, params }: Case): string {
  return `${op} (${label}) of ${inputs.map((x) => `${x.dtype}[${x.shape.join(', ')}]`).join(' ')} ${JSON.stringify(params)}`;
}
