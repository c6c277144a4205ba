import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { grad, jit, lax, valueAndGrad, type Tensor } from 'flaxen';
import { describe, expect, it } from 'vitest';
import { CudaBackend } from '../../lib/backends/cuda/index.js';
import { currentBackend } from '../../lib/backends/select.js';
import { tensor } from '../support/tensors.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that arrays hold: on a device's own memory, or in that of the process. */
function held(): number {
  for (let i = 0; i < 3; i++) collect(); // array memory is counted down by the collection after the one that frees it
  const backend = currentBackend();
  if (!(backend instanceof CudaBackend)) return process.memoryUsage().arrayBuffers;
  backend.device.sweep();
  return backend.device.stats().usedBytes;
}

/** Bytes of array memory that stay after `f` has run `rounds` more times. */
function growth(rounds: number, f: () => void): number {
  for (let i = 0; i < 3; i++) f();
  const before = held();
  for (let i = 0; i < rounds; i++) f();
  return held() - before;
}

// Large enough to stand out; where each instruction of a kernel is interpreted, no larger.
const n = process.env.FLAXEN_CUDA_SIM ? 2 ** 10 : 2 ** 16;
const SIXTEEN_TENSORS = 16 * 4 * n;
const loss = (x: Tensor): Tensor => lax.reduceSum(lax.mul(lax.sin(x), lax.exp(x)));

describe('synchronous loops keep memory flat', () => {
  it('over gradients at once', () => {
    let x = lax.full([n], 0.1);
    expect(growth(30, () => (x = grad(loss)(x)))).toBeLessThan(SIXTEEN_TENSORS);
  });

  it('over kept results, aux included', () => {
    const kept: unknown[] = [];
    const x = lax.full([n], 0.1);
    const grown = growth(20, () => {
      const [[value, aux], g] = valueAndGrad((p: Tensor) => [loss(p), { first: lax.slice(lax.exp(p), [0], [2]) }] as const, {
        hasAux: true,
      })(x);
      kept.push(value, aux, lax.slice(g, [0], [2]));
    });
    expect(grown).toBeLessThan(SIXTEEN_TENSORS);
  });

  it('over jitted steps, donated or not', () => {
    for (const donate of [[], [0]]) {
      const step = jit((x: Tensor) => lax.sub(x, lax.mul(grad(loss)(x), 1e-3)), { donate });
      let x = lax.full([n], 0.1);
      expect(growth(40, () => (x = step(x)))).toBeLessThan(SIXTEEN_TENSORS);
    }
  });

  it('over gradients of jitted functions', () => {
    const g = grad(jit(loss));
    let x = lax.full([n], 0.1);
    expect(growth(30, () => (x = g(x)))).toBeLessThan(SIXTEEN_TENSORS);
  });

  it('over functions jitted anew each time', () => {
    const x = lax.full([n], 0.1);
    expect(growth(40, () => void jit((y: Tensor) => lax.add(y, x))(x))).toBeLessThan(SIXTEEN_TENSORS);
  });

  it('over an ever longer history that nobody differentiates', () => {
    let x = tensor([1, 2]);
    for (let i = 0; i < 2000; i++) x = lax.add(x, 1);
    expect(x.origin).toBeNull();
    expect(x.toArray()).toEqual([2001, 2002]);
  });
});
