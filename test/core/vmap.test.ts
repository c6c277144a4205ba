import { describe, expect, test } from 'vitest';
import { errors, grad, jit, lax, nn, np, random, valueAndGrad, vmap, type Tensor } from 'flaxen';
import { randomNumbers, tensorOf } from '../support/tensors.js';

const numbers = (...shape: number[]): Tensor => {
  const draw = randomNumbers(shape.length + shape[0]!);
  const size = shape.reduce((a, b) => a * b, 1);
  return tensorOf(
    Array.from({ length: size }, () => 4 * draw() - 2),
    shape,
  );
};
const close = (a: Tensor, b: Tensor, tolerance = 1e-5): void => {
  expect(a.shape).toEqual(b.shape);
  expect(a.dtype).toBe(b.dtype);
  const [x, y] = [a.dataSync(), b.dataSync()];
  x.forEach((v, i) => expect(Math.abs(v - y[i]!)).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(y[i]!))));
};
const example = (x: Tensor, i: number): Tensor => lax.reshape(lax.sliceAxis(x, 0, i, i + 1), x.shape.slice(1));

describe('axes', () => {
  const x = numbers(3, 4);
  test('the examples are in axis 0 of every argument and result', () => {
    close(vmap((a: Tensor, b: Tensor) => np.dot(a, b))(x, x), np.sum(np.multiply(x, x), { axis: 1 }));
  });
  test('inAxes: another axis, a negative one, a shared argument', () => {
    const f = (a: Tensor, b: Tensor) => np.add(a, b);
    const row = numbers(3);
    close(vmap(f, { inAxes: [1, null] })(x, row), np.add(np.transpose(x), row));
    close(vmap(f, { inAxes: [-1, null] })(x, row), np.add(np.transpose(x), row));
  });
  test('outAxes places the examples; null takes a result that all share', () => {
    close(vmap((a: Tensor) => np.multiply(a, 2), { outAxes: 1 })(x), np.multiply(np.transpose(x), 2));
    const [each, shared] = vmap((a: Tensor) => [np.sum(a), np.array([1, 2])] as [Tensor, Tensor], { outAxes: [0, null] })(x);
    expect([each.shape, shared.shape]).toEqual([[3], [2]]);
    expect(vmap((_: Tensor) => np.array([1, 2]))(x).shape).toEqual([3, 2]);
    expect(() => vmap((a: Tensor) => a, { outAxes: null })(x)).toThrow(/outAxes of the function is null .* differs/);
  });
  test('trees: axes for whole subtrees and for parts', () => {
    const f = ({ a, b }: { a: Tensor; b: [Tensor, Tensor] }) => np.add(np.add(a, b[0]), b[1]);
    const shared = numbers(4);
    close(vmap(f, { inAxes: [{ a: 0, b: [null, 0] }] })({ a: x, b: [shared, x] }), np.add(np.add(x, shared), x));
    expect(() => vmap(f, { inAxes: [{ a: 0 }] })({ a: x, b: [shared, x] })).toThrow(errors.TreeStructureError);
  });
  test('numbers, flags and functions are shared', () => {
    const f = (a: Tensor, by: number, twice: boolean) => np.multiply(a, twice ? 2 * by : by);
    close(vmap(f)(x, 3, true), np.multiply(x, 6));
  });
  test('mistakes are named', () => {
    const f = (a: Tensor, b: Tensor) => np.add(a, b);
    expect(() => vmap(f)(x, numbers(4, 4))).toThrow(/one number of examples, got 3 and 4/);
    expect(() => vmap(f)(x, np.array(1))).toThrow(/share a scalar with null/);
    expect(() => vmap(f, { inAxes: 2 })(x, x)).toThrow(errors.ShapeError);
    expect(() => vmap(f, { inAxes: [null, null] })(x, x)).toThrow(/maps no argument/);
    expect(vmap(f, { inAxes: [null, null], axisSize: 2 })(x, x).shape).toEqual([2, 3, 4]);
    expect(() => vmap(async (a: Tensor) => await Promise.resolve(a))(x)).toThrow(/async/);
    expect(() => vmap(3 as never)).toThrow(errors.ArgumentError);
    expect(() => vmap((a: Tensor) => ((a.item() as number) > 0 ? a : np.negative(a)))(numbers(3))).toThrow(errors.ConcretizationError);
  });
});

describe('with other transforms', () => {
  const w = numbers(4, 2);
  const x = numbers(5, 4);
  const loss = (p: Tensor, row: Tensor) => np.sum(np.tanh(np.dot(row, p)));
  const perExample = (f: (row: Tensor) => Tensor): Tensor => np.stack(Array.from({ length: 5 }, (_, i) => f(example(x, i))));

  test('gradients per example', () => {
    close(
      vmap(grad(loss), { inAxes: [null, 0] })(w, x),
      perExample((row) => grad(loss)(w, row)),
    );
  });
  test('inside a gradient', () => {
    const mean = (p: Tensor) => np.mean(vmap(loss, { inAxes: [null, 0] })(p, x));
    close(grad(mean)(w), grad((p: Tensor) => np.mean(np.stack(Array.from({ length: 5 }, (_, i) => loss(p, example(x, i))))))(w));
  });
  test('a value captured from a gradient and the same value captured plainly are two', () => {
    const p = numbers(4);
    const both = (q: Tensor) => np.sum(vmap((row: Tensor) => np.multiply(np.multiply(row, q), p))(x));
    close(grad(both)(p), np.sum(np.multiply(x, p), { axis: 0 }));
  });
  test('second derivatives: the Hessian is a vmap over a gradient', () => {
    const f = (v: Tensor) => np.sum(np.multiply(np.multiply(v, v), v));
    const v = numbers(3);
    const hessian = vmap((e: Tensor) => grad((u: Tensor) => np.sum(np.multiply(grad(f)(u), e)))(v))(np.eye(3));
    close(hessian, np.multiply(np.eye(3), np.multiply(v, 6)));
  });
  test('jit outside and inside', () => {
    const expected = vmap(loss, { inAxes: [null, 0] })(w, x);
    close(jit(vmap(loss, { inAxes: [null, 0] }))(w, x), expected);
    close(vmap(jit(loss), { inAxes: [null, 0] })(w, x), expected);
  });
  test('nested', () => {
    const outer = vmap((a: Tensor) => vmap((b: Tensor) => np.dot(a, b))(x))(x);
    close(outer, np.matmul(x, np.transpose(x)));
  });
  test('random numbers: every example has the bits of its own key', () => {
    const keys = random.split(random.PRNGKey(7), 4);
    for (const draw of [
      (k: Tensor) => random.normal(k, [3]),
      (k: Tensor) => random.foldIn(k, 5),
      (k: Tensor) => random.permutation(k, 6),
    ]) {
      const all = vmap(draw)(keys);
      for (let i = 0; i < 4; i++) expect(example(all, i).toArray()).toEqual(draw(example(keys, i)).toArray());
    }
  });
});

describe('collectives', () => {
  const x = numbers(4, 3);
  test('psum, pmean, pmax reduce over the examples; axisIndex counts them', () => {
    const f = (row: Tensor) => [lax.psum(row, 'i'), lax.pmean(row, 'i'), lax.pmax(row, 'i')] as Tensor[];
    const [sum, mean, max] = vmap(f, { axisName: 'i', outAxes: null })(x) as [Tensor, Tensor, Tensor];
    close(sum, np.sum(x, { axis: 0 }));
    close(mean, np.mean(x, { axis: 0 }));
    close(max, np.max(x, { axis: 0 }));
    expect(vmap((_: Tensor) => lax.axisIndex('i'), { axisName: 'i' })(x).toArray()).toEqual([0, 1, 2, 3]);
  });
  test('a value that all share counts once for each', () => {
    const [sum, max] = vmap((_: Tensor) => [lax.psum(np.array(2), 'i'), lax.pmax(np.array(2), 'i')], { axisName: 'i', outAxes: null })(x);
    expect([sum!.item(), max!.item()]).toEqual([8, 2]);
  });
  test('groups', () => {
    const groups = [
      [0, 3],
      [2, 1],
    ];
    const sums = vmap((row: Tensor) => lax.psum(row, 'i', groups), { axisName: 'i' })(x);
    const [a, b] = [np.add(example(x, 0), example(x, 3)), np.add(example(x, 2), example(x, 1))];
    [a, b, b, a].forEach((want, i) => close(example(sums, i), want));
    const f = (bad: number[][]) => () => vmap((row: Tensor) => lax.psum(row, 'i', bad), { axisName: 'i' })(x);
    for (const bad of [[[0, 1]], [[0, 1], [1, 2]], [[0, 1, 2], [3]], [[0, 1], [2, 4]]]) expect(f(bad)).toThrow(/axisIndexGroups/); // prettier-ignore
  });
  test('the gradient of a mean over examples', () => {
    // Each example's loss depends on all; the gradient of one's own sums what all cotangents say (jax.lax.psum).
    const f = (v: Tensor) => np.multiply(lax.pmean(v, 'i'), lax.pmean(v, 'i'));
    const v = numbers(4);
    const each = vmap(grad(f), { axisName: 'i' })(v);
    const m = np.mean(v).item() as number;
    for (const g of each.dataSync()) expect(g).toBeCloseTo(2 * m, 5);
    const outside = grad((u: Tensor) => np.sum(vmap(f, { axisName: 'i' })(u)))(v);
    for (const g of outside.dataSync()) expect(g).toBeCloseTo(2 * m, 5);
  });
  test('an axis of an outer vmap is reached from an inner one', () => {
    const f = (row: Tensor) => vmap((a: Tensor) => lax.psum(a, 'outer'), { axisName: 'inner' })(row);
    close(vmap(f, { axisName: 'outer', outAxes: null })(x), np.sum(x, { axis: 0 }));
  });
  test('an axis without a name is an error', () => {
    expect(() => lax.psum(x, 'i')).toThrow(errors.UnboundAxisError);
    expect(() => vmap((row: Tensor) => lax.pmean(row, 'j'), { axisName: 'i' })(x)).toThrow(/unbound axis name: "j"/);
  });
});

describe('BatchNorm over a named axis', () => {
  const x = numbers(4, 6, 3);
  const bn = nn.BatchNorm({ useRunningAverage: false, axisName: 'batch' });
  const variables = bn.init(random.PRNGKey(0), example(x, 0));
  test('has the statistics of the whole batch', () => {
    const [y, updates] = vmap((part: Tensor) => bn.apply(variables, part, { mutable: ['batch_stats'] }), { axisName: 'batch', outAxes: [0, null] })(x); // prettier-ignore
    const plain = nn.BatchNorm({ useRunningAverage: false });
    const [whole, wholeUpdates] = plain.apply(variables, lax.reshape(x, [24, 3]), { mutable: ['batch_stats'] });
    close(lax.reshape(y, [24, 3]), whole);
    close(updates.batch_stats.mean as Tensor, wholeUpdates.batch_stats.mean as Tensor);
    close(updates.batch_stats.var as Tensor, wholeUpdates.batch_stats.var as Tensor);
  });
  test('axisIndexGroups: each group has its own', () => {
    const grouped = nn.BatchNorm({ useRunningAverage: false, axisName: 'batch', axisIndexGroups: [[0, 1], [2, 3]] }); // prettier-ignore
    const [y] = vmap((part: Tensor) => grouped.apply(variables, part, { mutable: ['batch_stats'] }), { axisName: 'batch' })(x);
    const plain = nn.BatchNorm({ useRunningAverage: false });
    const [first] = plain.apply(variables, lax.reshape(lax.sliceAxis(x, 0, 0, 2), [12, 3]), { mutable: ['batch_stats'] });
    close(lax.reshape(lax.sliceAxis(y, 0, 0, 2), [12, 3]), first);
  });
  test('trains: the gradient is that of the whole batch', () => {
    const whole = nn.BatchNorm({ useRunningAverage: false });
    const target = numbers(4, 6, 3);
    const perPart = (params: typeof variables.params) => {
      const f = (part: Tensor, want: Tensor) => {
        const [y] = bn.apply({ ...variables, params }, part, { mutable: ['batch_stats'] });
        return np.mean(np.square(np.subtract(y, want)));
      };
      return np.mean(vmap(f, { axisName: 'batch' })(x, target));
    };
    const atOnce = (params: typeof variables.params) => {
      const [y] = whole.apply({ ...variables, params }, lax.reshape(x, [24, 3]), { mutable: ['batch_stats'] });
      return np.mean(np.square(np.subtract(y, lax.reshape(target, [24, 3]))));
    };
    const [a, da] = valueAndGrad(perPart)(variables.params);
    const [b, db] = valueAndGrad(atOnce)(variables.params);
    close(a, b);
    for (const name of ['scale', 'bias']) close((da as Record<string, Tensor>)[name]!, (db as Record<string, Tensor>)[name]!, 1e-4);
  });
});
