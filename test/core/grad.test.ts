import { errors, grad, jit, lax, stopGradient, valueAndGrad, vjp, type Tensor } from 'flaxen';
import { describe, expect, it } from 'vitest';
import { expectGolden, golden, toTree } from '../support/golden.js';
import { tensor } from '../support/tensors.js';

interface Params {
  w: Tensor;
  b: Tensor;
}
const mean = (x: Tensor): Tensor => lax.div(lax.reduceSum(x), x.size);
const square = (x: Tensor): Tensor => lax.mul(x, x);

describe('against JAX', () => {
  const file = golden('value_and_grad');
  const { params, x, y } = toTree(file.inputs) as { params: Params; x: Tensor; y: Tensor };
  const predict = (p: Params, x: Tensor): Tensor => lax.tanh(lax.dense(x, p.w, p.b));
  const loss = (p: Params, x: Tensor): Tensor => mean(square(lax.sub(predict(p, x), y)));
  const withAux = (p: Params, x: Tensor) => {
    const prediction = predict(p, x);
    return [mean(square(lax.sub(prediction, y))), [prediction, { n: 4 }]] as const;
  };
  const cube = (b: Tensor): Tensor => lax.reduceSum(lax.mul(square(lax.tanh(b)), lax.tanh(b)));
  const cases: Record<string, () => unknown> = {
    value_and_grad: () => valueAndGrad(loss)(params, x),
    value_and_grad_argnums_1: () => valueAndGrad(loss, { argnums: 1 })(params, x),
    value_and_grad_argnums_0_1: () => valueAndGrad(loss, { argnums: [0, 1] })(params, x),
    value_and_grad_argnums_tuple_0: () => valueAndGrad(loss, { argnums: [0] })(params, x),
    value_and_grad_has_aux: () => valueAndGrad(withAux, { hasAux: true })(params, x),
    grad_has_aux: () => grad(withAux, { hasAux: true })(params, x),
    unused_leaf_has_zero_grad: () => grad((p: Params) => lax.reduceSum(square(p.b)))(params),
    stop_gradient: () => grad((p: Params) => lax.reduceSum(lax.mul(stopGradient(p.b), p.b)))(params),
    second_derivative: () => grad((b: Tensor) => lax.reduceSum(grad(cube)(b)))(params.b),
  };
  it('covers every case of the file', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(file.outputs).sort());
  });
  it.each(Object.entries(cases))('%s', (name, run) => expectGolden(run(), file.outputs[name], 'value_and_grad', name));
  it.each(Object.entries(cases))('%s, jitted', (name, run) => expectGolden(jit(run)(), file.outputs[name], 'value_and_grad', name));
  it('jitted with its arguments', () => {
    expectGolden(
      jit(valueAndGrad(withAux, { hasAux: true }))(params, x),
      file.outputs.value_and_grad_has_aux,
      'value_and_grad',
      'value_and_grad_has_aux',
    );
    expectGolden(
      valueAndGrad(jit(withAux), { hasAux: true })(params, x),
      file.outputs.value_and_grad_has_aux,
      'value_and_grad',
      'value_and_grad_has_aux',
    );
    expectGolden(
      valueAndGrad(jit(loss), { argnums: [0, 1] })(params, x),
      file.outputs.value_and_grad_argnums_0_1,
      'value_and_grad',
      'value_and_grad_argnums_0_1',
    );
  });
});

describe('argnums', () => {
  const f = (a: Tensor, b: Tensor, c: Tensor): Tensor => lax.mul(lax.mul(a, b), square(c));
  const args = [tensor(2), tensor(3), tensor(5)] as const;
  it('counts from the end when negative', () => {
    expect(grad(f, { argnums: -1 })(...args).item()).toBe(60);
    expect(grad(f, { argnums: [-3, 1] })(...args).map((g) => g.item())).toEqual([75, 50]);
  });
  it('in any order', () => {
    expect(grad(f, { argnums: [2, 0] })(...args).map((g) => g.item())).toEqual([60, 75]);
  });
  it('must name an argument', () => {
    for (const argnums of [3, -4, 0.5, [0, 7]])
      expect(() => grad(f, { argnums })(...args)).toThrow(/argnums .* names no argument of f, which was called with 3/);
    expect(() => grad(() => tensor(1))()).toThrow(errors.ArgumentError);
  });
});

describe('arguments', () => {
  it('of other dtypes may be there, if not differentiated', () => {
    const f = (x: Tensor, labels: Tensor, on: boolean, none: null) =>
      on && none === null ? lax.reduceSum(lax.mul(x, lax.convert(labels, 'float32'))) : lax.reduceSum(x);
    expect(grad(f)(tensor([1, 2]), tensor([3, 4], 'int32'), true, null).toArray()).toEqual([3, 4]);
  });
  it('numbers are differentiated as float32', () => {
    expect(grad((x: Tensor) => square(x))(3 as unknown as Tensor).item()).toBe(6);
  });
  it('empty trees are fine', () => {
    expect(grad((p: { a: Tensor; none: null; list: Tensor[] }) => square(p.a))({ a: tensor(3), none: null, list: [] })).toMatchObject({
      none: null,
      list: [],
    });
  });
  it('a function of nothing differentiated has zero gradients', () => {
    expect(grad((_: Tensor) => tensor(5))(tensor([1, 2])).toArray()).toEqual([0, 0]);
    expect(grad((x: Tensor) => lax.reduceSum(lax.floor(x)))(tensor([1.5, 2])).toArray()).toEqual([0, 0]);
  });
  it('the argument itself has gradient one, also when used twice', () => {
    expect(grad((x: Tensor) => x)(tensor(2)).item()).toBe(1);
    expect(grad((x: Tensor) => lax.add(x, x))(tensor(2)).item()).toBe(2);
    expect(grad((p: Tensor[]) => lax.mul(p[0]!, p[1]!))([tensor(2), tensor(3)]).map((t) => t.item())).toEqual([3, 2]);
  });
  it('the same tensor twice gets two gradients', () => {
    const x = tensor(3);
    expect(grad((a: Tensor, b: Tensor) => lax.mul(square(a), b), { argnums: [0, 1] })(x, x).map((t) => t.item())).toEqual([18, 9]);
  });
  it('keep the structure, with keys sorted', () => {
    expect(Object.keys(grad((p: { z: Tensor; a: Tensor }) => lax.mul(p.z, p.a))({ z: tensor(1), a: tensor(2) }))).toEqual(['a', 'z']);
  });
});

describe('results', () => {
  it('keep no tape', () => {
    const [[value, aux], g] = valueAndGrad((x: Tensor) => [square(x), { y: lax.exp(x), x }] as const, { hasAux: true })(tensor(2));
    for (const t of [value, aux.y, aux.x, g]) expect(t.origin).toBeNull();
    const [out, back] = vjp((x: Tensor) => ({ y: square(x) }), tensor(2));
    expect(out.y.origin).toBeNull();
    expect(back({ y: tensor(1) })[0].origin).toBeNull();
  });
  it('aux may hold anything', () => {
    const aux = { n: 3, s: 'x', f: Math.exp, none: null, t: tensor(1, 'int32') };
    const [[, out]] = valueAndGrad((x: Tensor) => [square(x), aux] as const, { hasAux: true })(tensor(2));
    expect({ ...out, t: out.t.item() }).toEqual({ ...aux, t: 1 });
  });
  it('carry no gradient of aux', () => {
    expect(grad((x: Tensor) => [square(x), lax.exp(x)] as const, { hasAux: true })(tensor(3))[0].item()).toBe(6);
  });
});

describe('errors', () => {
  const throws = (f: () => unknown, type: new (...a: never[]) => Error, message: RegExp) => {
    expect(f).toThrow(type);
    expect(f).toThrow(message);
  };
  it('a loss that is no scalar', () => {
    const f = function lossFn(x: Tensor) {
      return square(x);
    };
    throws(
      () => grad(f)(tensor([1, 2])),
      errors.GradientError,
      /Gradient only defined for scalar-output functions. Output of lossFn had shape: \[2\]; reduce it with \.mean\(\)/,
    );
    throws(() => grad(f)(tensor([1])), errors.GradientError, /had shape: \[1\]/);
  });
  it('an integer loss', () => {
    throws(() => grad((x: Tensor) => lax.reduceSum(lax.convert(x, 'int32')))(tensor([1])), errors.GradientError, /float32 output/);
  });
  it('no tensor at all', () => {
    throws(() => grad((() => undefined) as never)(tensor(1)), errors.GradientError, /must return a scalar tensor, got .*undefined/);
    throws(() => grad(((x: Tensor) => ({ x })) as never)(tensor(1)), errors.GradientError, /must return a scalar tensor/);
  });
  it('[loss, aux] without hasAux, and a bare loss with it', () => {
    throws(
      () => grad(((x: Tensor) => [square(x), x]) as never)(tensor(1)),
      errors.GradientError,
      /got an array of 2; pass \{ hasAux: true \}/,
    );
    throws(
      () => grad(square as never, { hasAux: true })(tensor(1)),
      errors.GradientError,
      /with hasAux square must return \[loss, aux\], got Tensor<float32\[\]>/,
    );
    throws(() => grad(((x: Tensor) => [square(x), 1, 2]) as never, { hasAux: true })(tensor(1)), errors.GradientError, /got an array of 3/);
  });
  it('integers to differentiate, by path', () => {
    const f = function lossFn(p: { layer: { n: Tensor } }) {
      return lax.convert(p.layer.n, 'float32');
    };
    throws(
      () => grad(f)({ layer: { n: tensor(3, 'int32') } }),
      errors.DTypeError,
      /grad requires float32 inputs, got Tensor<int32\[\]> in argument 0 of lossFn at layer\/n: convert it with astype/,
    );
  });
  it('leaves that are no tensors', () => {
    throws(
      () => grad(((p: { a: Tensor }) => p.a) as never)({ a: tensor(1), mode: 'x' }),
      errors.DTypeError,
      /got a value of type string in argument 0 of .* at mode/,
    );
  });
  it('a primitive without a gradient says so', () => {
    throws(
      () =>
        grad((x: Tensor) => lax.reduceSum(lax.qr(x)[1]))(
          tensor([
            [1, 2],
            [3, 5],
          ]),
        ),
      errors.GradientError,
      /qr has no gradient rule: put stopGradient/,
    );
    expect(
      grad((x: Tensor) => lax.reduceSum(lax.qr(stopGradient(x))[1]))(
        tensor([
          [1, 2],
          [3, 5],
        ]),
      ).toArray(),
    ).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
});

describe('vjp', () => {
  it('pulls any cotangent back, several times', () => {
    const [out, back] = vjp((x: Tensor) => square(x), tensor([1, 2, 3]));
    expect(out.toArray()).toEqual([1, 4, 9]);
    expect(back(tensor([1, 0, 0]))[0].toArray()).toEqual([2, 0, 0]);
    expect(back(tensor([0, 1, 10]))[0].toArray()).toEqual([0, 4, 60]);
  });
  it('takes and gives trees, with null for leaves that are not float32', () => {
    const [out, back] = vjp(
      (p: { w: Tensor; n: Tensor }, k: Tensor) => ({ y: lax.mul(p.w, k), m: lax.add(p.n, 1) }),
      { w: tensor(2), n: tensor(5, 'int32') },
      tensor(3),
    );
    expect(out.m.item()).toBe(6);
    const [dp, dk] = back({ y: tensor(10), m: tensor(0, 'int32') });
    expect([dp.w.item(), dp.n, dk.item()]).toEqual([30, null, 20]);
  });
  it('gives zeros for what is not used', () => {
    const [, back] = vjp((a: Tensor, _b: Tensor) => a, tensor(1), tensor([1, 2]));
    expect(back(tensor(1))[1].toArray()).toEqual([0, 0]);
  });
  it('checks the cotangent', () => {
    const [, back] = vjp((x: Tensor) => ({ y: x }), tensor([1, 2]));
    expect(() => back({ y: tensor([1]) })).toThrow(
      /the cotangent of output 0 is Tensor<float32\[1\]>, but the output is Tensor<float32\[2\]>/,
    );
    expect(() => back({ y: tensor([1, 2], 'int32') })).toThrow(errors.ShapeError);
    expect(() => back(tensor([1, 2]) as never)).toThrow(errors.TreeStructureError);
  });
  it('works inside jit, and on jitted functions', () => {
    const pull = (x: Tensor, ct: Tensor): Tensor => vjp(jit(square), x)[1](ct)[0];
    expect(jit(pull)(tensor([1, 2]), tensor([3, 4])).toArray()).toEqual([6, 16]);
    expect(pull(tensor([1, 2]), tensor([3, 4])).toArray()).toEqual([6, 16]);
  });
  it('its pullback is differentiable, in the cotangent and in the primal', () => {
    const f = (x: Tensor): Tensor => lax.mul(square(x), x);
    expect(grad((ct: Tensor) => vjp(f, tensor(2))[1](ct)[0])(tensor(1)).item()).toBe(12);
    expect(grad((x: Tensor) => vjp(f, x)[1](tensor(1))[0])(tensor(2)).item()).toBe(12);
    const [, back] = vjp(f, tensor(2));
    expect(grad((ct: Tensor) => square(back(ct)[0]))(tensor(1)).item()).toBe(288);
  });
});
