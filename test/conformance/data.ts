/** Numbers and shapes to try primitives with: the edges of each dtype, and seeded random ones. */
import type { DType } from 'flaxen';
import { fromBits } from '../support/reference_math.js';
import { randomNumbers } from '../support/tensors.js';

export const FLOATS = [
  ...[0, -0, 1, -1, 0.5, -0.5, 1.5, -1.5, 2.5, -2.5, 2, 3, -3, 10, 88, 89, -87, -88, -104, 100, 1e-8, -1e-8, 1e-20, 1e20, 1e38, -1e38],
  ...[NaN, Infinity, -Infinity, fromBits(1), -fromBits(1), fromBits(0x007fffff), fromBits(0x00800000), -fromBits(0x00800000)],
  ...[
    fromBits(0x7f7fffff),
    -fromBits(0x7f7fffff),
    2 ** 24,
    2 ** 24 + 2,
    2 ** 31,
    -(2 ** 31),
    2 ** 32,
    4294967040,
    2147483520,
    0.99999994,
    1.0000001,
  ],
].map(Math.fround);
export const INTS = [0, 1, -1, 2, 3, -3, 7, 31, 32, 33, 255, 256, 65535, 65536, 2 ** 24 + 1, 2147483647, -2147483647, -2147483648];
export const UINTS = [0, 1, 2, 3, 7, 31, 32, 33, 255, 65536, 2 ** 24 + 1, 2147483647, 2147483648, 4294967295, 4294967294];

export const sizeOf = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

export class Source {
  private readonly next: () => number;
  constructor(seed: number) {
    this.next = randomNumbers(seed);
  }
  /** A whole number from 0 to n - 1. */
  below(n: number): number {
    return Math.floor(this.next() * n);
  }
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
  /** A float32 in a range. */
  between(low: number, high: number): number {
    return Math.fround(low + (high - low) * this.next());
  }
  chance(p: number): boolean {
    return this.next() < p;
  }
  /** Roughly normal: the sum of three. */
  normal(): number {
    return Math.fround(2 * (this.next() + this.next() + this.next() - 1.5));
  }
  shuffle<T>(list: readonly T[]): T[] {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j]!, out[i]!];
    }
    return out;
  }
  /** Any bits of the dtype, edges often. */
  anything(dtype: DType): number {
    if (dtype === 'bool') return this.below(2);
    const edges = dtype === 'float32' ? FLOATS : dtype === 'int32' ? INTS : UINTS;
    if (this.chance(0.3)) return this.pick(edges);
    if (dtype === 'float32') return this.chance(0.5) ? this.normal() : fromBits(Math.floor(this.next() * 2 ** 32) >>> 0);
    const bits = Math.floor(this.next() * 2 ** this.below(33)) >>> 0;
    return dtype === 'int32' ? bits | 0 : bits;
  }
  /** A shape of rank 0 to 5, odd sizes and at times 0, of at most `limit` elements. */
  shape(limit = 3000, rank = this.below(6)): number[] {
    for (;;) {
      const shape = Array.from({ length: rank }, () => (this.chance(0.04) ? 0 : this.pick([1, 1, 2, 3, 4, 5, 7, 8, 16, 17, 33, 64, 100])));
      if (sizeOf(shape) <= limit) return shape;
    }
  }
  fill(size: number, element: (i: number) => number): Float64Array {
    return Float64Array.from({ length: size }, (_, i) => element(i));
  }
}
