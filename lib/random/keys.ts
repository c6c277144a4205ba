/** Random keys: uint32 tensors of shape [2], made and derived as in JAX (Threefry-2x32, partitionable layout). */
import { fromNumbers } from '../core/array.js';
import { Aval, formatShape, sizeOf, type Shape } from '../core/aval.js';
import { isInteger } from '../core/dtype.js';
import { ArgumentError, DTypeError } from '../core/errors.js';
import * as lax from '../core/primitives/index.js';
import { Tensor } from '../core/tensor.js';

const KEY = Aval.of([2], 'uint32');

/** Throws unless `key` is one random key. */
export function checkKey(key: Tensor, name: string): Tensor {
  if (key instanceof Tensor && key.dtype === 'uint32' && key.ndim === 1 && key.shape[0] === 2) return key;
  const several = key instanceof Tensor && key.dtype === 'uint32' && key.ndim > 1 && key.shape.at(-1) === 2;
  throw new ArgumentError(
    `random.${name} needs a random key, a uint32 tensor of shape [2], got ${key instanceof Tensor ? key.toString() : `${typeof key} ${String(key)}`}: ` +
      (several ? 'these are several keys, pick one with keys.slice(i) or const [k1, k2] = keys' : 'make one with random.PRNGKey(seed)'),
  );
}

/** A whole number modulo 2^32, as a scalar uint32 tensor or a number; traced integers stay traced. */
function word(value: number | bigint | Tensor, what: string): number | Tensor {
  if (value instanceof Tensor) {
    if (value.ndim !== 0 || !isInteger(value.dtype))
      throw new DTypeError(`${what} is a whole number or an int32 or uint32 scalar, got ${value}: convert it with astype('int32')`);
    return value.dtype === 'uint32' ? value : lax.bitcast(value, 'uint32');
  }
  if (typeof value === 'bigint') return Number(BigInt.asUintN(32, value));
  if (!Number.isInteger(value)) throw new ArgumentError(`${what} is a whole number (it counts modulo 2^32), got ${String(value)}`);
  return ((value % 2 ** 32) + 2 ** 32) % 2 ** 32;
}

/**
 * A key from a seed, which counts modulo 2^32: `[0, seed]`, uint32 [2]. As jax.random.PRNGKey with 64-bit types off.
 * @example random.PRNGKey(42); // => Tensor uint32[2] [0, 42]
 */
export function PRNGKey(seed: number | bigint | Tensor): Tensor {
  const low = word(seed, 'the seed of random.PRNGKey');
  if (typeof low === 'number') return fromNumbers(Uint32Array.of(0, low), KEY);
  return lax.concatenate([lax.full([1], 0, 'uint32'), lax.reshape(low, [1])], 0);
}

/**
 * The same as `PRNGKey`: flaxen's keys are raw ones.
 * @example random.key(42); // => Tensor uint32[2] [0, 42]
 */
export const key = PRNGKey;

/** The elements' numbers in row-major order, as the two halves of the cipher's counter. */
function counters(shape: Shape): [Tensor, Tensor] {
  const size = sizeOf(shape);
  if (size > 2 ** 32) throw new ArgumentError(`random draws at most 2^32 numbers at once, got the shape ${formatShape(shape)}`);
  return [lax.full(shape, 0, 'uint32'), lax.reshape(lax.iota([size], 0, 'uint32'), shape)];
}

/**
 * New keys, [num, 2], or [...num, 2] for a shape; `const [k1, k2] = random.split(key)`. As jax.random.split.
 * @example
 * const [first, second] = random.split(random.PRNGKey(0));
 * first; // => Tensor uint32[2] [1797259609, 2579123966]
 * random.split(random.PRNGKey(0), 10).shape; // => [10, 2]
 */
export function split(rngKey: Tensor, num: number | Shape = 2): Tensor {
  checkKey(rngKey, 'split');
  const shape = typeof num === 'number' ? [num] : num;
  if (!isShape(shape)) throw new ArgumentError(`random.split makes a whole number of keys, got ${String(num)}`);
  const halves = lax.threefry2x32(rngKey, ...counters(shape));
  return lax.concatenate(
    halves.map((h) => lax.reshape(h, [...shape, 1])),
    shape.length,
  );
}

/**
 * A new key from a key and a whole number, which counts modulo 2^32 and may be traced. As jax.random.fold_in.
 * @example
 * const epochKey = (epoch: number) => random.foldIn(random.PRNGKey(0), epoch);
 * epochKey(1); // => Tensor uint32[2] [928981903, 3453687069]
 */
export function foldIn(rngKey: Tensor, data: number | bigint | Tensor): Tensor {
  checkKey(rngKey, 'foldIn');
  const low = word(data, 'the data of random.foldIn');
  const x1 = typeof low === 'number' ? lax.full([1], low, 'uint32') : lax.reshape(low, [1]);
  return lax.concatenate(lax.threefry2x32(rngKey, lax.full([1], 0, 'uint32'), x1), 0);
}

/**
 * Uniform bits: uint32 of any shape. As jax.random.bits.
 * @example random.bits(random.PRNGKey(0), [2]); // => Tensor uint32[2] [4070199207, 4202968722]
 */
export function bits(rngKey: Tensor, shape: Shape = []): Tensor {
  checkKey(rngKey, 'bits');
  checkShape(shape, 'bits');
  const [high, low] = lax.threefry2x32(rngKey, ...counters(shape));
  return lax.xor(high, low);
}

const isShape = (shape: unknown): boolean => Array.isArray(shape) && shape.every((d) => Number.isInteger(d) && d >= 0);

export function checkShape(shape: Shape, name: string): void {
  if (!isShape(shape)) {
    throw new ArgumentError(`random.${name} takes a shape such as [2, 3], got ${JSON.stringify(shape)}`);
  }
}
