/** How a window moves over the spatial dimensions of [batch, spatial..., features]: what convolution and pooling share. */
import { formatShape, type Aval, type Shape } from '../aval.js';
import { isFloat } from '../dtype.js';
import { DTypeError, ShapeError } from '../errors.js';

/** For each spatial dimension: how far windows lie apart, and the padding before and after. */
export interface Strides {
  readonly strides: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
}

/** The spatial dimensions of [batch, spatial..., features]. */
export const spatialOf = (shape: Shape): Shape => shape.slice(1, -1);

/** How many windows of these extents fit along each dimension, padding included. */
export const countWindows = (spatial: Shape, extents: readonly number[], { strides, low, high }: Strides): number[] =>
  spatial.map((d, i) => Math.max(0, Math.floor((d + low[i]! + high[i]! - extents[i]!) / strides[i]!) + 1));

export function expectFloat(name: string, x: Aval): void {
  if (!isFloat(x.dtype)) throw new DTypeError(`${name} takes float32, got ${x}; convert it with astype('float32')`);
}

export function expectShape(name: string, what: string, x: Aval, shape: Shape): void {
  expectFloat(name, x);
  if (x.shape.join() !== shape.join()) throw new ShapeError(`${name} needs ${what} of shape ${formatShape(shape)}, got ${x}`);
}

/** Throws unless x is float32 [batch, 1 to 3 spatial dimensions, features]. */
export function expectImages(name: string, x: Aval): void {
  expectFloat(name, x);
  if (x.rank < 3 || x.rank > 5) throw new ShapeError(`${name} needs [batch, 1 to 3 spatial dimensions, features], got ${x}`);
}

/** Throws unless each list has one whole number of at least `least` for each spatial dimension of x. */
export function expectLists(name: string, x: Aval, least: number, lists: Readonly<Record<string, readonly number[]>>): void {
  for (const [key, list] of Object.entries(lists)) {
    if (list.length === x.rank - 2 && list.every((n) => Number.isInteger(n) && n >= least)) continue;
    throw new ShapeError(`${name} of ${x} needs ${x.rank - 2} of ${key}, whole numbers of at least ${least}, got ${formatShape(list)}`);
  }
}
