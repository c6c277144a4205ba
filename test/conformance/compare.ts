/** How near a backend's numbers must be to the reference's. */
import { toBits } from '../support/reference_math.js';
import { LEAST_NORMAL } from '../support/reference_value.js';

/** The half of float32's machine epsilon: a rounding changes a number by at most this part of it. */
export const UNIT = 2 ** -24;

/**
 * `exact`: the same bits, but any NaN is as good as another. `{ ulps }`: at most so many floats apart (infinity follows the greatest).
 * `{ error }`: the greatest absolute error of each element of each output.
 */
export type Tolerance = 'exact' | { readonly ulps: number } | { readonly error: (output: number) => (element: number) => number };

/** Floats in order as integers, both zeros at 0. */
function ordinal(x: number): number {
  const bits = toBits(x);
  return bits >= 0x80000000 ? 0x80000000 - bits : bits;
}

export const ulpsApart = (a: number, b: number): number => Math.abs(ordinal(a) - ordinal(b));

/** True where flushing leaves open which number it is: zero, subnormal, or rounded up from there. */
export const isTiny = (x: number): boolean => Math.abs(x) <= LEAST_NORMAL;

/** What is wrong with `have` where `want` should be, or null. */
export function difference(have: number, want: number, tolerance: Tolerance, output: number, element: number): string | null {
  if (Object.is(have, want) || (Number.isNaN(have) && Number.isNaN(want))) return null;
  if (tolerance === 'exact') return 'they must be equal';
  if (Number.isNaN(have) || Number.isNaN(want)) return 'only one is NaN';
  if ('ulps' in tolerance) {
    const apart = ulpsApart(have, Math.fround(want));
    return apart <= tolerance.ulps ? null : `${apart} ulps apart, at most ${tolerance.ulps} are allowed`;
  }
  const bound = tolerance.error(output)(element);
  return Math.abs(have - want) <= bound || have === Math.fround(want)
    ? null
    : `the error is ${Math.abs(have - want)}, at most ${bound} is allowed`;
}
