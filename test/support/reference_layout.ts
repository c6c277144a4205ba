/** Primitives that move elements, and their transposes, as docs/primitives.md defines them. */
import type { DType, WireParams } from '../../lib/backends/backend.js';
import { aroundAxis, dot, forEachIndex, list, LEAST, number, sizeOf, stridesOf, type Kernel, type Value } from './reference_value.js';

/** A kernel that reads, for each output index, the input element at `source(index)`. */
const gatherBy =
  (sourceOf: (x: Value, params: WireParams) => (index: readonly number[]) => number): Kernel =>
  ([x], [out], params) => {
    const source = sourceOf(x!, params);
    forEachIndex(out!.shape, (index, at) => (out!.data[at] = x!.data[source(index)]!));
  };

const reshape: Kernel = ([x], [out]) => out!.data.set(x!.data);

const transpose = gatherBy((x, params) => {
  const strides = stridesOf(x.shape);
  const mine = list(params, 'perm').map((p) => strides[p]!);
  return (index) => dot(index, mine);
});

const broadcast = gatherBy((x, params) => {
  const strides = stridesOf(x.shape);
  const dims = list(params, 'dims');
  return (index) => dims.reduce((at, d, i) => at + (x.shape[i] === 1 ? 0 : index[d]! * strides[i]!), 0);
});

const reverse = gatherBy((x, params) => {
  const strides = stridesOf(x.shape);
  const axes = list(params, 'axes');
  return (index) => index.reduce((at, k, d) => at + (axes.includes(d) ? x.shape[d]! - 1 - k : k) * strides[d]!, 0);
});

const slice = gatherBy((x, params) => {
  const strides = stridesOf(x.shape);
  const start = list(params, 'start');
  const steps = list(params, 'strides');
  return (index) => index.reduce((at, k, d) => at + (start[d]! + k * steps[d]!) * strides[d]!, 0);
});

const pad: Kernel = ([x, value], [out], params) => {
  const strides = stridesOf(out!.shape);
  const low = list(params, 'low');
  const interior = list(params, 'interior');
  out!.data.fill(value!.data[0]!);
  forEachIndex(x!.shape, (index, at) => {
    out!.data[index.reduce((to, k, d) => to + (low[d]! + k * (interior[d]! + 1)) * strides[d]!, 0)] = x!.data[at]!;
  });
};

const concatenate: Kernel = (inputs, [out], params) => {
  const axis = number(params, 'axis');
  const strides = stridesOf(out!.shape);
  let offset = 0;
  for (const x of inputs) {
    forEachIndex(x.shape, (index, at) => (out!.data[dot(index, strides) + offset * strides[axis]!] = x.data[at]!));
    offset += x.shape[axis]!;
  }
};

const FILL: Record<DType, number> = { float32: NaN, int32: LEAST.int32, uint32: 4294967295, bool: 1 };

/** The position on an axis of `length` that an index means, or -1 for outside. */
function resolve(index: number, length: number, mode: unknown): number {
  if (mode === 'clip') return Math.min(length - 1, Math.max(0, index));
  return index >= 0 && index < length ? index : -1;
}

const take: Kernel = ([x, indices], [out], params) => {
  const { outer, length, inner } = aroundAxis(x!.shape, number(params, 'axis'));
  const count = indices!.data.length;
  for (let o = 0; o < outer; o++) {
    for (let k = 0; k < count; k++) {
      const from = resolve(indices!.data[k]!, length, params.mode);
      for (let i = 0; i < inner; i++) {
        out!.data[(o * count + k) * inner + i] = from < 0 ? FILL[x!.dtype] : x!.data[(o * length + from) * inner + i]!;
      }
    }
  }
};

const scatterAdd: Kernel = ([x, indices, updates], [out], params) => {
  const { outer, length, inner } = aroundAxis(x!.shape, number(params, 'axis'));
  const count = indices!.data.length;
  out!.data.set(x!.data);
  for (let o = 0; o < outer; o++) {
    for (let k = 0; k < count; k++) {
      const to = resolve(indices!.data[k]!, length, 'drop');
      if (to < 0) continue;
      for (let i = 0; i < inner; i++) out!.data[(o * length + to) * inner + i]! += updates!.data[(o * count + k) * inner + i]!;
    }
  }
};

/** Visits each element of `indices` with the place in x that it names, or -1. */
function along(x: Value, indices: Value, params: WireParams, mode: unknown, visit: (at: number, place: number) => void): void {
  const axis = number(params, 'axis');
  const length = x.shape[axis]!;
  const strides = stridesOf(x.shape);
  forEachIndex(indices.shape, (index, at) => {
    const on = resolve(indices.data[at]!, length, mode);
    visit(at, on < 0 ? -1 : dot(index, strides) + (on - index[axis]!) * strides[axis]!);
  });
}

const takeAlong: Kernel = ([x, indices], [out], params) => {
  along(x!, indices!, params, params.mode, (at, place) => (out!.data[at] = place < 0 ? FILL[x!.dtype] : x!.data[place]!));
};

const scatterAddAlong: Kernel = ([x, indices, updates], [out], params) => {
  out!.data.set(x!.data);
  along(x!, indices!, params, 'drop', (at, place) => {
    if (place >= 0) out!.data[place]! += updates!.data[at]!;
  });
};

/** Several operands are permuted alike: by the first `numKeys`, stably, NaN last. */
const sort: Kernel = (inputs, outputs, params) => {
  const shape = inputs[0]!.shape;
  const { outer, length, inner } = aroundAxis(shape, number(params, 'axis'));
  const keys = inputs.slice(0, number(params, 'numKeys'));
  if (sizeOf(shape) === 0) return;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const place = (k: number): number => (o * length + k) * inner + i;
      const order = Array.from({ length }, (_, k) => k);
      order.sort((a, b) => {
        for (const { data } of keys) {
          const by = compare(data[place(a)]!, data[place(b)]!);
          if (by !== 0) return by;
        }
        return a - b;
      });
      inputs.forEach((x, n) => order.forEach((from, k) => (outputs[n]!.data[place(k)] = x.data[place(from)]!)));
    }
  }
};

function compare(a: number, b: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
  return a < b ? -1 : a > b ? 1 : 0;
}

export const layoutKernels: Record<string, Kernel> = {
  reshape,
  transpose,
  broadcast,
  reverse,
  slice,
  pad,
  concatenate,
  take,
  scatterAdd,
  takeAlong,
  scatterAddAlong,
  sort,
};
