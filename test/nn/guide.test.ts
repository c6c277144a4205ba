/** The guide's models against real Flax: variables, outputs, updates, gradients. */
import { describe, expect, it } from 'vitest';
import { grad, tree, type nn, type Tensor } from 'flaxen';
import { mul } from '../../lib/core/primitives/index.js';
import { expectGolden, golden, toTensor } from '../support/golden.js';
import { MLP, MLP_BN } from './models.js';
import { key, keyOrder, meanOf, shapes } from './support.js';

const meanSquare = (y: Tensor): Tensor => meanOf(mul(y, y));

describe("the guide's MLP with BatchNorm", () => {
  const file = 'guide_mlp_bn';
  const { inputs, outputs } = golden(file);
  const mlp = MLP_BN();
  const x = toTensor(inputs.x_test);
  const x2 = toTensor(inputs.x_test2);
  const variables = mlp.init(key(inputs.seed), toTensor(inputs.x_init), { train: false });
  const check = (actual: unknown, name: string): void => expectGolden(actual, outputs[name], file, name);

  it('has the variables that Flax has, bit for bit and in the same order', () => {
    check(variables, 'variables');
    expect(keyOrder(variables)).toEqual(outputs.variables_key_order);
    expect(shapes(variables)).toEqual(outputs.shapes);
    expect(keyOrder(tree.map((v: Tensor) => v, variables))).toEqual(outputs.shapes_key_order_after_tree_map);
    expect(variables.params.Dense_0.kernel.dataSync()).toEqual(toTensor(outputs.variables.params.Dense_0.kernel).dataSync());
    expect(variables.params.Dense_1.kernel.dataSync()).toEqual(toTensor(outputs.variables.params.Dense_1.kernel).dataSync());
  });

  it('gives the same outputs and running statistics', () => {
    check(mlp.apply(variables, toTensor(inputs.x_init), { train: false }), 'y_eval_ones');
    check(mlp.apply(variables, x, { train: false }), 'y_eval');
    const [y, updates] = mlp.apply(variables, x, { train: true, mutable: ['batch_stats'] });
    check(y, 'y_train');
    check(updates, 'updates');
    expect(keyOrder(updates)).toEqual(outputs.updates_key_order);
    const after = { params: variables.params, batch_stats: updates.batch_stats };
    check(mlp.apply(after, x, { train: false }), 'y_eval_after_1');
    const [y2, updates2] = mlp.apply(after, x2, { train: true, mutable: ['batch_stats'] });
    check(y2, 'y_train_2');
    check(updates2, 'updates_2');
  });

  it('has the same gradients', () => {
    const loss = (params: nn.Collection, input: Tensor): Tensor =>
      meanSquare(mlp.apply({ params, batch_stats: variables.batch_stats }, input, { train: true, mutable: ['batch_stats'] })[0]);
    check(loss(variables.params, x), 'loss_mean_sq');
    const [params, dx] = grad(loss, { argnums: [0, 1] })(variables.params, x);
    check({ params, x: dx }, 'grad_mean_sq');
  });
});

describe("the guide's MLP without BatchNorm", () => {
  const file = 'guide_mlp_no_bn';
  const { inputs, outputs } = golden(file);
  const mlp = MLP();
  const variables = mlp.init(key(inputs.seed), toTensor(inputs.x_init));

  it('has the variables, outputs and gradients that Flax has', () => {
    expectGolden(variables, outputs.variables, file, 'variables');
    expect(keyOrder(variables)).toEqual(outputs.variables_key_order);
    const x = toTensor(inputs.x_test);
    expectGolden(mlp.apply(variables, x), outputs.y_test, file, 'y_test');
    const loss = (params: nn.Collection, input: Tensor): Tensor => meanSquare(mlp.apply({ params }, input));
    const [params, dx] = grad(loss, { argnums: [0, 1] })(variables.params, x);
    expectGolden({ params, x: dx }, outputs.grad_mean_sq, file, 'grad_mean_sq');
  });
});
