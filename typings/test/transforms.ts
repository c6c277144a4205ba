/** What the compiler knows of jit, grad and trees. Compiled, never run. */
import { expectTypeOf } from 'vitest';
import { grad, jit, np, optim, tree, valueAndGrad, vjp, vmap, type Tensor } from 'flaxen';

declare const x: Tensor;

// jit: arguments and result are the function's own.
const step = jit(({ w }: { w: Tensor }, rate: number, training: boolean = false) => ({ w: w.mul(rate), training }), { donate: [0] });
expectTypeOf(step({ w: x }, 0.1)).toEqualTypeOf<{ w: Tensor; training: boolean }>();
expectTypeOf(step.lower({ w: x }, 0.1).asText()).toEqualTypeOf<string>();
expectTypeOf(step.cacheSize()).toEqualTypeOf<number>();
expectTypeOf(jit((x: Tensor) => [x, { y: x }] as const)(x)).toEqualTypeOf<readonly [Tensor, { readonly y: Tensor }]>();
// @ts-expect-error -- the rate is missing
step({ w: x });
// @ts-expect-error -- w is a tensor
step({ w: 1 }, 0.1);
// @ts-expect-error -- one argument too many
step({ w: x }, 0.1, true, x);
// @ts-expect-error -- positions are numbers
jit((x: Tensor) => x, { donate: ['x'] });
// @ts-expect-error -- no such option
jit((x: Tensor) => x, { static: [0] });

// grad and its like: gradients have the arguments' types.
type Params = { kernel: Tensor; bias: Tensor };
const loss = ({ kernel, bias }: Params, x: Tensor) => x.matmul(kernel).add(bias).sum();
declare const params: Params;
expectTypeOf(grad(loss)(params, x)).toEqualTypeOf<Params>();
expectTypeOf(grad(loss, { argnums: 1 })(params, x)).toEqualTypeOf<Tensor>();
expectTypeOf(grad(loss, { argnums: [0, 1] })(params, x)).toEqualTypeOf<[Params, Tensor]>();
expectTypeOf(valueAndGrad(loss)(params, x)).toEqualTypeOf<[Tensor, Params]>();
const withAux = (p: Params, x: Tensor) => [loss(p, x), { logits: x }] as const;
expectTypeOf(valueAndGrad(withAux, { hasAux: true })(params, x)).toEqualTypeOf<[[Tensor, { readonly logits: Tensor }], Params]>();
expectTypeOf(grad(withAux, { hasAux: true })(params, x)).toEqualTypeOf<[Params, { readonly logits: Tensor }]>();
expectTypeOf(vjp(loss, params, x)[1](x)).toEqualTypeOf<[p: Params, x: Tensor]>();
expectTypeOf(jit(valueAndGrad(loss))(params, x)).toEqualTypeOf<[Tensor, Params]>();
// @ts-expect-error -- a pair needs hasAux
grad(withAux);
// @ts-expect-error -- with hasAux the function returns a pair
grad(loss, { hasAux: true });
// @ts-expect-error -- a loss is a tensor
grad((x: Tensor) => x.shape);
// @ts-expect-error -- the input is missing
grad(loss)(params);

// Trees keep their shapes.
expectTypeOf(tree.map((t: Tensor) => t.mul(2), params)).toEqualTypeOf<Params>();
expectTypeOf(tree.map((t: Tensor) => t.shape, params)).toEqualTypeOf<{ kernel: readonly number[]; bias: readonly number[] }>();
expectTypeOf(optim.applyUpdates(params, params)).toEqualTypeOf<Params>();
expectTypeOf(optim.adam(1e-3).update(params, optim.adam(1e-3).init(params))[0]).toEqualTypeOf<Params>();

// Tensors.
expectTypeOf(np.add(x, 1)).toEqualTypeOf<Tensor>();
expectTypeOf(x.shape).toEqualTypeOf<readonly number[]>();
// @ts-expect-error -- nested arrays become tensors with np.array
np.add(x, [1, 2]);
// @ts-expect-error -- no such dtype
np.zeros([2], 'float63');
// @ts-expect-error -- a shape is fixed
x.shape[0] = 3;

// vmap: the function's own arguments and result.
expectTypeOf(vmap(loss, { inAxes: [null, 0] })(params, x)).toEqualTypeOf<Tensor>();
expectTypeOf(vmap((row: Tensor, n: number) => ({ row, n }), { axisName: 'i', outAxes: 0 })(x, 2)).toEqualTypeOf<{
  row: Tensor;
  n: number;
}>();
// @ts-expect-error -- the input is missing
vmap(loss)(params);
// @ts-expect-error -- no such option
vmap(loss, { in_axes: 0 });
// @ts-expect-error -- no such option
grad(loss, { argnum: 1 });
// @ts-expect-error -- an optimizer is no learning rate
optim.adam(optim.sgd(0.1));
// @ts-expect-error -- options come as one object
optim.adam(1e-3, 0.9);

// jit over jit, grad and methods keeps the types; a jitted function is a function.
expectTypeOf(jit(jit(loss))(params, x)).toEqualTypeOf<Tensor>();
expectTypeOf(jit(vmap(loss, { inAxes: [null, 0] }))).parameters.toEqualTypeOf<[Params, Tensor]>();
const asFunction: (p: Params, x: Tensor) => Tensor = jit(loss);
void asFunction;

// Optimizers in a chain: the state is the tuple of theirs.
const tx = optim.chain(optim.clipByGlobalNorm(1), optim.scaleByAdam());
expectTypeOf(tx.init(params)[1].count).toEqualTypeOf<Tensor>();
// @ts-expect-error -- the chain has two states
void tx.init(params)[2];
// @ts-expect-error -- a chain takes transformations, not a list of them
optim.chain([optim.sgd(1)]);
expectTypeOf(optim.cosineDecaySchedule(1, 10)(3)).toEqualTypeOf<Tensor>();
