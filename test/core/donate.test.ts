import { errors, grad, jit, lax, type Tensor } from 'flaxen';
import { describe, expect, it } from 'vitest';
import type { WireGraph } from '../../lib/backends/backend.js';
import { registerBackend } from '../../lib/backends/select.js';
import { formatWire } from '../../lib/core/trace.js';
import { ReferenceBackend } from '../support/reference.js';
import { tensor, withBackend } from '../support/tensors.js';

const double = (x: Tensor): Tensor => lax.mul(x, 2);
const step = () => jit((w: Tensor, g: Tensor) => lax.sub(w, g), { donate: [0], name: 'step' });

describe('a donated tensor', () => {
  it('gives the right result', () => {
    const s = step();
    let w = tensor([10, 20]);
    for (let i = 0; i < 5; i++) w = s(w, tensor([1, 2]));
    expect(w.toArray()).toEqual([5, 10]);
  });

  it('is dead afterwards, by name', async () => {
    const w = tensor([1, 2]);
    step()(w, tensor([1, 1]));
    const dead = /tensor was donated to step: its memory \(float32\[2\]\) now holds a result/;
    expect(() => w.dataSync()).toThrow(dead);
    expect(() => w.toArray()).toThrow(errors.DonatedError);
    await expect(w.data()).rejects.toThrow(dead);
    expect(() => lax.add(w, 1)).toThrow(dead);
    expect(() => jit(double)(w)).toThrow(dead);
    expect(() => jit((x: Tensor) => lax.add(x, w))(tensor([1, 1]))).toThrow(dead);
    expect(() => step()(w, tensor([1, 1]))).toThrow(dead);
    expect(w.shape).toEqual([2]);
  });

  it('is dead through every other name of its memory', () => {
    const w = tensor([1, 2]);
    const alias = jit((x: Tensor) => x)(w);
    step()(w, tensor([1, 1]));
    expect(() => alias.toArray()).toThrow(errors.DonatedError);
  });

  it('dies even when no result takes its memory', () => {
    const w = tensor([1, 2]);
    expect(jit((x: Tensor) => lax.reduceSum(x), { donate: [0], name: 'total' })(w).item()).toBe(3);
    expect(() => w.toArray()).toThrow(/donated to total/);
  });

  it('lives when the call fails before it runs', () => {
    const w = tensor([1, 2]);
    expect(() => step()(w, tensor([1, 2, 3]))).toThrow(errors.ShapeError);
    expect(w.toArray()).toEqual([1, 2]);
  });

  it('lives when the backend refuses the run', () => {
    const name = 'failing';
    registerBackend(name, () => {
      const backend = new ReferenceBackend(name, 'float32');
      return Object.assign(backend, { compile: (graph: WireGraph) => ({ run: () => refuse(), text: () => formatWire(graph) }) });
    });
    const refuse = (): never => {
      throw new Error('no room');
    };
    withBackend(name, () => {
      const w = tensor([1, 2]);
      expect(() => jit(double, { donate: [0] })(w)).toThrow('no room');
      expect(w.toArray()).toEqual([1, 2]);
    });
  });

  it('lives when it comes back unchanged', () => {
    const w = tensor([1, 2]);
    const [same, twice] = jit((x: Tensor) => [x, double(x)] as const, { donate: [0] })(w);
    expect(same.toArray()).toEqual([1, 2]);
    expect(twice.toArray()).toEqual([2, 4]);
    expect(w.toArray()).toEqual([1, 2]);
  });

  it('may be part of a tree, with numbers and static values', () => {
    const f = jit((s: { w: Tensor; lr: number; on: boolean; skip: Tensor }) => ({ ...s, w: double(s.w), lr: s.lr }), {
      donate: [0],
      name: 'f',
    });
    const state = { w: tensor([1]), lr: 0.5, on: true, skip: tensor([7]) };
    const out = f(state);
    expect(out.w.toArray()).toEqual([2]);
    expect((out.lr as unknown as Tensor).item()).toBe(0.5);
    expect(out.skip.toArray()).toEqual([7]);
    expect(() => state.w.toArray()).toThrow(/donated to f/);
    expect(f(out).w.toArray()).toEqual([4]);
  });

  it('may be an argument that the function does not use', () => {
    const w = tensor([1, 2]);
    expect(jit((_: Tensor, x: Tensor) => double(x), { donate: [0] })(w, tensor([3, 4])).toArray()).toEqual([6, 8]);
    expect(() => w.toArray()).toThrow(errors.DonatedError);
  });
});

describe('errors, after which every tensor still lives', () => {
  it('the same tensor donated twice', () => {
    const x = tensor([1]);
    const f = jit((a: Tensor, b: Tensor) => [double(a), double(b)], { donate: [0, 1], name: 'f' });
    expect(() => f(x, x)).toThrow(/f cannot donate: two donated arguments are the same tensor\. Pass a copy/);
    expect(x.toArray()).toEqual([1]);
  });

  it('donated and passed as well', () => {
    const x = tensor([1]);
    const f = step();
    expect(() => f(x, x)).toThrow(/also an argument that is not donated/);
    expect(x.toArray()).toEqual([1]);
    expect(f(x, tensor([3])).toArray()).toEqual([-2]);
  });

  it('donated and captured', () => {
    const x = tensor([1]);
    const f = jit((a: Tensor) => lax.add(a, x), { donate: [0], name: 'f' });
    expect(() => f(x)).toThrow(/captured from outside/);
    expect(x.toArray()).toEqual([1]);
  });

  it('donated and returned through another argument or a closure', () => {
    const x = tensor([1]);
    expect(() => jit((a: Tensor, b: Tensor) => [double(a), b], { donate: [0] })(x, x)).toThrow(/comes back unchanged/);
    expect(() => jit((a: Tensor) => [double(a), x], { donate: [0] })(x)).toThrow(/comes back unchanged/);
    expect(x.toArray()).toEqual([1]);
  });

  it('a position without an argument', () => {
    expect(() => jit(double, { donate: [1], name: 'f' })(tensor(1))).toThrow(/donate of f names argument 1, but it was called with 1/);
  });
});

describe('with transforms', () => {
  it('a donating function inside another does not donate', () => {
    const s = step();
    const w = tensor([5]);
    expect(jit((x: Tensor) => lax.add(s(x, x), x))(w).toArray()).toEqual([5]);
    expect(w.toArray()).toEqual([5]);
  });

  it('a donating function under grad does not donate', () => {
    const f = jit((x: Tensor) => lax.reduceSum(lax.mul(x, x)), { donate: [0] });
    const x = tensor([1, 2]);
    for (let i = 0; i < 3; i++) expect(grad(f)(x).toArray()).toEqual([2, 4]);
    expect(f(x).item()).toBe(5);
    expect(() => x.toArray()).toThrow(errors.DonatedError);
  });

  it('a donated gradient step inside a loop', () => {
    const train = jit((w: Tensor) => lax.sub(w, lax.mul(grad((p: Tensor) => lax.reduceSum(lax.mul(p, p)))(w), 0.25)), { donate: [0] });
    let w = tensor([8, -4]);
    for (let i = 0; i < 3; i++) w = train(w);
    expect(w.toArray()).toEqual([1, -0.5]);
  });
});
