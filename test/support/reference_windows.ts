/** Convolution and pooling, as docs/primitives.md defines them: walks over windows, sums in double precision. */
import { LEAST, list, number, sizeOf, type Kernel, type Value } from './reference_value.js';
import type { WireParams } from '../../lib/backends/backend.js';

/** Calls `visit` for each place of a window's taps: a window and a tap, both counted row-major, and the place in x, or -1 in the padding. */
function forEachTap(
  spatial: readonly number[],
  windows: readonly number[],
  window: readonly number[],
  params: WireParams,
  visit: (window: number, tap: number, place: number) => void,
): void {
  const [strides, low] = [list(params, 'strides'), list(params, 'low')];
  const dilation = (params.dilation as readonly number[] | undefined) ?? window.map(() => 1);
  const [count, taps] = [sizeOf(windows), sizeOf(window)];
  for (let w = 0; w < count; w++) {
    for (let t = 0; t < taps; t++) {
      let [restW, restT, place, step] = [w, t, 0, 1];
      for (let d = spatial.length - 1; d >= 0; d--) {
        const at = (restW % windows[d]!) * strides[d]! + (restT % window[d]!) * dilation[d]! - low[d]!;
        if (at < 0 || at >= spatial[d]!) place = -1;
        else if (place >= 0) place += at * step;
        restW = Math.floor(restW / windows[d]!);
        restT = Math.floor(restT / window[d]!);
        step *= spatial[d]!;
      }
      visit(w, t, place);
    }
  }
}

const spatialOf = (v: { readonly shape: readonly number[] }): readonly number[] => v.shape.slice(1, -1);

/** Calls `visit` with the places of x, kernel and y in each product that conv sums: y += x * kernel. */
function forEachProduct(x: Shaped, kernel: Shaped, y: Shaped, params: WireParams, visit: (x: number, k: number, y: number) => void): void {
  const window = kernel.shape.slice(0, -2);
  const [inputs, perGroup, outputs] = [x.shape.at(-1)!, kernel.shape.at(-2)!, kernel.shape.at(-1)!];
  const perGroupOut = outputs / number(params, 'groups');
  const [places, windows] = [sizeOf(spatialOf(x)), sizeOf(spatialOf(y))];
  forEachTap(spatialOf(x), spatialOf(y), window, params, (w, t, place) => {
    if (place < 0) return;
    for (let n = 0; n < x.shape[0]!; n++) {
      for (let o = 0; o < outputs; o++) {
        const first = Math.floor(o / perGroupOut) * perGroup;
        for (let i = 0; i < perGroup; i++) {
          visit((n * places + place) * inputs + first + i, (t * perGroup + i) * outputs + o, (n * windows + w) * outputs + o);
        }
      }
    }
  });
}
type Shaped = { readonly shape: readonly number[] };

const conv: Kernel = ([x, kernel], [y], params) => {
  const sums = new Float64Array(y!.data.length);
  forEachProduct(x!, kernel!, y!, params, (i, k, o) => (sums[o]! += x!.data[i]! * kernel!.data[k]!));
  y!.data.set(sums);
};

const convInputGrad: Kernel = ([dy, kernel], [dx], params) => {
  const sums = new Float64Array(dx!.data.length);
  forEachProduct(dx!, kernel!, dy!, params, (i, k, o) => (sums[i]! += dy!.data[o]! * kernel!.data[k]!));
  dx!.data.set(sums);
};

const convKernelGrad: Kernel = ([x, dy], [dkernel], params) => {
  const sums = new Float64Array(dkernel!.data.length);
  forEachProduct(x!, dkernel!, dy!, params, (i, k, o) => (sums[k]! += x!.data[i]! * dy!.data[o]!));
  dkernel!.data.set(sums);
};

/** Calls `visit` with the places of a window in y and of each of its elements in x, which is -1 in the padding, taps in row-major order. */
function forEachElement(x: Shaped, y: Shaped, params: WireParams, visit: (y: number, x: number) => void): void {
  const features = x.shape.at(-1)!;
  const [places, windows] = [sizeOf(spatialOf(x)), sizeOf(spatialOf(y))];
  forEachTap(spatialOf(x), spatialOf(y), list(params, 'window'), params, (w, _, place) => {
    for (let n = 0; n < x.shape[0]!; n++) {
      for (let c = 0; c < features; c++) {
        visit((n * windows + w) * features + c, place < 0 ? -1 : (n * places + place) * features + c);
      }
    }
  });
}

/** Where each window of x has its first maximum (its first NaN, if there is one); -1 where it lies in the padding whole. */
function firstMaxima(x: Value, y: Shaped, params: WireParams): Int32Array {
  const chosen = new Int32Array(sizeOf(y.shape)).fill(-1);
  forEachElement(x, y, params, (o, i) => {
    if (i < 0) return;
    const best = chosen[o]! < 0 ? undefined : x.data[chosen[o]!]!;
    if (best === undefined || x.data[i]! > best || (Number.isNaN(x.data[i]!) && !Number.isNaN(best))) chosen[o] = i;
  });
  return chosen;
}

const maxPool: Kernel = ([x], [y], params) => {
  firstMaxima(x!, y!, params).forEach((i, o) => (y!.data[o] = i < 0 ? LEAST.float32 : x!.data[i]!));
};

const maxPoolGrad: Kernel = ([x, dy], [dx], params) => {
  const sums = new Float64Array(dx!.data.length);
  firstMaxima(x!, dy!, params).forEach((i, o) => {
    if (i >= 0) sums[i]! += dy!.data[o]!;
  });
  dx!.data.set(sums);
};

const maxPoolGather: Kernel = ([x, t], [y], params) => {
  firstMaxima(x!, y!, params).forEach((i, o) => (y!.data[o] = i < 0 ? 0 : t!.data[i]!));
};

const sumPool: Kernel = ([x], [y], params) => {
  const sums = new Float64Array(y!.data.length);
  forEachElement(x!, y!, params, (o, i) => {
    if (i >= 0) sums[o]! += x!.data[i]!;
  });
  y!.data.set(sums);
};

const sumPoolGrad: Kernel = ([dy], [dx], params) => {
  const sums = new Float64Array(dx!.data.length);
  forEachElement(dx!, dy!, params, (o, i) => {
    if (i >= 0) sums[i]! += dy!.data[o]!;
  });
  dx!.data.set(sums);
};

export const windowKernels: Record<string, Kernel> = {
  conv,
  convInputGrad,
  convKernelGrad,
  maxPool,
  maxPoolGrad,
  maxPoolGather,
  sumPool,
  sumPoolGrad,
};
