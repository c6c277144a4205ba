import { jit, lax, optim, tree, type Tensor } from 'flaxen';
import { describe, expect, test } from 'vitest';
import { expectGolden, golden, toTree } from '../support/golden.js';
import { makeTx, type Spec } from './specs.js';

const file = golden('optimizers');
const params = toTree(file.inputs.params) as unknown;
const grads = (file.inputs.grads as unknown[]).map((g) => toTree(g) as unknown);
const cases = Object.entries(file.inputs.optimizers as Record<string, Spec>);
const outputs = file.outputs as Record<string, { first_update: unknown; params: unknown[]; state_init: unknown; state_final: unknown }>;

function run(tx: optim.GradientTransformation, step: <A>(updates: A, state: unknown, params: A) => [A, unknown, A]) {
  let [p, state] = [params, tx.init(params)];
  const states = [state];
  const trajectory: unknown[] = [];
  let first: unknown = null;
  for (const g of grads) {
    const [updates, next, after] = step(g, state, p);
    first ??= updates;
    [p, state] = [after, next];
    states.push(state);
    trajectory.push(p);
  }
  return { first_update: first, params: trajectory, state_init: states[0], state_final: state };
}

describe.each(cases)('%s', (name, spec) => {
  const eager = <A>(tx: optim.GradientTransformation, g: A, state: unknown, p: A): [A, unknown, A] => {
    const [updates, next] = tx.update(g, state, p);
    return [updates, next, optim.applyUpdates(p, updates)];
  };

  test('ten updates give the numbers and states of optax', () => {
    const tx = makeTx(spec);
    const result = run(tx, (g, s, p) => eager(tx, g, s, p));
    expectGolden(result, pick(outputs[name]!), 'optimizers', name);
  });

  test('the same inside jit, compiled once', () => {
    const tx = makeTx(spec);
    const step = jit((g: unknown, s: unknown, p: unknown) => eager(tx, g, s, p));
    const result = run(tx, step as never);
    expectGolden(result, pick(outputs[name]!), 'optimizers', name);
    expect(step.cacheSize()).toBe(1);
  });

  test('the state is a tree of tensors from init on, and init works inside jit', () => {
    const tx = makeTx(spec);
    const state = jit((p: unknown) => tx.init(p))(params);
    expectGolden(state, outputs[name]!.state_init, 'optimizers', name);
  });
});

const pick = ({ first_update, params, state_init, state_final }: (typeof outputs)[string]) => ({
  first_update,
  params,
  state_init,
  state_final,
});

const vector = (...values: number[]): Tensor =>
  lax.concatenate(
    values.map((v) => lax.full([1], v)),
    0,
  );
const only = (x: Tensor): number[] => x.toArray() as number[];

test('a learning rate may be a traced argument: another value does not compile again', () => {
  const step = jit((g: Tensor, rate: Tensor | number) => optim.sgd(rate).update(g, [{}, {}])[0]);
  expect(only(step(vector(1, 2), 0.5))).toEqual([-0.5, -1]);
  expect(only(step(vector(1, 2), 0.25))).toEqual([-0.25, -0.5]);
  expect(only(step(vector(1, 2), 1))).toEqual([-1, -2]); // a whole number is another type
  expect(step.cacheSize()).toBe(2);
});

test('clipByGlobalNorm leaves what is below the bound, to the bit', () => {
  const g = { a: vector(0.3, -0.1), b: lax.full([], 0.2) };
  const [same] = optim.clipByGlobalNorm(10).update(g, {});
  expect(tree.map((x: Tensor) => x.toArray(), same)).toEqual(tree.map((x: Tensor) => x.toArray(), g));
  const [cut] = optim.clipByGlobalNorm(1).update({ a: vector(3, 4) }, {});
  expect(only(cut.a)[0]).toBeCloseTo(0.6, 6);
  expect(optim.globalNorm({ a: vector(3), b: vector(4) }).item()).toBe(5);
  expect(optim.globalNorm({}).item()).toBe(0);
});

test('masked hides leaves from the state and leaves their updates alone', () => {
  const tx = optim.masked(optim.trace(0.5), { w: true, b: false });
  const p = { w: vector(1), b: vector(1) };
  const state = tx.init(p);
  expect(tree.leaves(state)).toHaveLength(1);
  const [first, next] = tx.update(p, state);
  const [second] = tx.update(p, next);
  expect([only(first.w), only(first.b), only(second.w), only(second.b)]).toEqual([[1], [1], [1.5], [1]]);
  const byFunction = optim.masked(optim.scale(2), (t: unknown) => tree.map((x: Tensor) => x.ndim > 1, t));
  expect(only(byFunction.update(p, byFunction.init(p))[0].w)).toEqual([1]);
});

test('weight decay follows a schedule, counts, and stands first or among the options', () => {
  const p = vector(2);
  const tx = optim.addDecayedWeights((count) => lax.convert(lax.add(count, 1), 'float32'));
  const [first, state] = tx.update(vector(0), tx.init(p), p);
  const [second] = tx.update(vector(0), state, p);
  expect([only(first), only(second)]).toEqual([[2], [4]]);
  for (const same of [optim.addDecayedWeights(0.5), optim.addDecayedWeights({ weightDecay: 0.5 })]) {
    expect(only(same.update(vector(0), same.init(p), p)[0])).toEqual([1]);
  }
});

test('the corners: rmsprop with a count, eps outside the root, a trust ratio with bounds', () => {
  const g = vector(2);
  for (const tx of [
    optim.rmsprop(1, { biasCorrection: true, eps: 0 }),
    optim.rmsprop(1, { biasCorrection: true, eps: 0, epsInSqrt: false }),
  ]) {
    const state = tx.init(g);
    expect(Object.keys(state[0])).toEqual(['count', 'nu']);
    expect(only(tx.update(g, state)[0])[0]).toBeCloseTo(-1, 6); // the corrected moment of the first step is g * g
  }
  const centered = optim.scaleByStddev({ initialScale: 1, epsInSqrt: false, eps: 0.5 });
  expect(Object.keys(centered.init(g))).toEqual(['mu', 'nu']);
  const trust = optim.scaleByTrustRatio({ minNorm: 4, trustCoefficient: 0.5, eps: 1 });
  expect(only(trust.update(g, {}, vector(3))[0])[0]).toBeCloseTo((2 * 0.5 * 4) / 5, 6);
});

test('the count stops at the greatest int32', () => {
  const tx = optim.scaleBySchedule(() => 1);
  const [, state] = tx.update(vector(1), { count: lax.full([], 2147483647, 'int32') });
  expect(state.count.item()).toBe(2147483647);
});

test('a leaf of adam costs few nodes, and the corrections are shared', () => {
  const tx = optim.adam(1e-3);
  const count = (leaves: number): number => {
    const p = Array.from({ length: leaves }, () => lax.zeros([8]));
    const text = jit((g: Tensor[], s: unknown, q: Tensor[]) => {
      const [updates, next] = tx.update(g, s as never, q);
      return [optim.applyUpdates(q, updates), next];
    })
      .lower(p, tx.init(p), p)
      .asText();
    const graph = text.split('\n\nprogram')[0]!;
    return graph.split('\n').filter((line) => line.includes(' = ') && !/ = (full|broadcast)/.test(line)).length;
  };
  const [one, two] = [count(1), count(2)];
  expect(two - one).toBe(14); // 3 for mu, 4 for nu, 2 corrections, sqrt, add, div, the rate, the sum
  expect(one - 14).toBeLessThanOrEqual(9);
});

describe('mistakes', () => {
  const p = { w: vector(1) };
  test('weight decay without params', () => {
    const tx = optim.adamw(1e-3);
    expect(() => tx.update(p, tx.init(p))).toThrow(/requires the current value of parameters.*update\(grads, state, params\)/);
  });
  test('trees that differ', () => {
    const tx = optim.adam(1e-3);
    expect(() => tx.update({ v: vector(1) } as never, tx.init(p), p)).toThrow(/trees differ/);
    expect(() => optim.applyUpdates(p, { w: vector(1, 2) })).toThrow(/float32\[2\].*float32\[1\].*shapes must agree/);
  });
  test('options that are none, rates that are none', () => {
    expect(() => optim.adam(1e-3, { beta1: 0.5 } as never)).toThrow(/no option "beta1".*b1, b2/);
    expect(() => optim.sgd(undefined as never)).toThrow(/needs a learning rate.*got undefined/);
    expect(() => optim.sgd(vector(1, 2))).toThrow(/scalar tensor.*float32\[2\]/);
    expect(() => optim.clipByGlobalNorm(-1)).toThrow(/at least 0, got -1/);
    expect(() => optim.chain(optim.adam as never)).toThrow(/argument 0 is function/);
    expect(() => optim.chain(optim.clip(1)).update(p, {} as never)).toThrow(/state of a chain of 1/);
  });
});
