/** Tensors for tests from plain numbers, on whatever backend is current; in double precision where it keeps that. */
import { backendInfo, setBackend, Tensor, type DType, type NestedArray } from 'flaxen';
import { currentBackend } from '../../lib/backends/select.js';
import { Aval } from '../../lib/core/aval.js';
import type { DataArray } from '../../lib/core/dtype.js';

export function tensorOf(numbers: ArrayLike<number>, shape: readonly number[], dtype: DType = 'float32'): Tensor {
  const data = Float64Array.from(numbers) as unknown as DataArray; // a reference64 buffer keeps doubles
  return Tensor.concrete(Aval.of(shape, dtype), currentBackend().fromHost(data, dtype));
}

/** From nested arrays. */
export function tensor(nested: NestedArray, dtype: DType = 'float32'): Tensor {
  const shape: number[] = [];
  for (let level = nested; Array.isArray(level); level = level[0]!) {
    shape.push(level.length);
    if (level.length === 0) break;
  }
  return tensorOf([nested].flat(8).map(Number), shape, dtype);
}

/** Runs `f` with another backend current. */
export function withBackend<T>(name: string, f: () => T): T {
  const before = backendInfo().name;
  setBackend(name);
  try {
    return f();
  } finally {
    setBackend(before);
  }
}

/** A generator of numbers in [0, 1) that depend on the seed alone (Steele's mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
