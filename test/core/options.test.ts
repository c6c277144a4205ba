/** A name that is no option, and what is no options object, are errors: plain JavaScript, or a habit from Python, would else be ignored without a word. */
import { errors, grad, jit, nn, np, optim, random, valueAndGrad, vmap, type Tensor } from 'flaxen';
import { describe, expect, it } from 'vitest';

const key = random.PRNGKey(0);
const x = np.ones([2, 3]);
const wrong = (value: unknown): never => value as never;
const f = (x: Tensor): Tensor => x.sum();

describe('names that are no options', () => {
  const table: [string, () => unknown, RegExp][] = [
    ['jit', () => jit(f, wrong({ donate_argnums: [0] })), /jit has no option "donate_argnums": its options are donate, name/],
    ['grad', () => grad(f, wrong({ has_aux: true })), /grad has no option "has_aux": its options are argnums, hasAux/],
    ['valueAndGrad', () => valueAndGrad(f, wrong({ has_aux: true })), /has no option "has_aux"/],
    ['vmap', () => vmap(f, wrong({ in_axes: 0 })), /vmap has no option "in_axes"/],
    [
      'np.sum',
      () => np.sum(x, wrong({ keep_dims: true })),
      /np.sum has no option "keep_dims": its options are axis, keepdims, where, dtype/,
    ],
    ['np.var', () => np.var(x, wrong({ correction: 1 })), /np.var has no option "correction"/],
    ['np.argmax', () => np.argmax(x, wrong({ dim: 1 })), /np.argmax has no option "dim"/],
    ['np.stack', () => np.stack([x], wrong({ dim: 1 })), /np.stack has no option "dim"/],
    ['a method', () => x.mean(wrong({ dim: 1 })), /np.mean has no option "dim"/],
    ['random.uniform', () => random.uniform(key, [2], wrong({ min: 1 })), /random.uniform has no option "min"/],
    ['optim.adam', () => optim.adam(1e-3, wrong({ beta1: 0.9 })), /has no option "beta1": its options are b1, b2/],
  ];
  it.each(table)('%s', (_, run, message) => {
    expect(run).toThrow(errors.ArgumentError);
    expect(run).toThrow(message);
  });
});

describe('what is no options object', () => {
  const table: [string, () => unknown, RegExp][] = [
    ['jit', () => jit(f, wrong([0])), /jit takes its options as one object, got 0: name them, as in \{ donate: … \}/],
    ['jit', () => jit(f, { donate: wrong(true) }), /donate of f is a list of positions, as in \{ donate: \[0\] \}, got true/],
    ['grad', () => grad(f, wrong(0)), /grad takes its options as one object, got 0/],
    ['random.uniform', () => random.uniform(key, [2], wrong(5)), /random.uniform takes its options as one object, got 5/],
    ['random.normal', () => random.normal(key, [2], wrong('float32')), /random.normal takes its options as one object, got float32/],
    ['optim.adam', () => optim.adam(1e-3, wrong(0.9)), /takes its options as one object, got 0.9/],
  ];
  it.each(table)('%s', (_, run, message) => {
    expect(run).toThrow(errors.ArgumentError);
    expect(run).toThrow(message);
  });
});

describe('layers', () => {
  const layers: [string, (config: never) => unknown, object][] = [
    ['Dense', nn.Dense, { features: 2 }],
    ['Conv', nn.Conv, { features: 2, kernelSize: [3] }],
    ['ConvTranspose', nn.ConvTranspose, { features: 2, kernelSize: [3] }],
    ['Embed', nn.Embed, { numEmbeddings: 3, features: 2 }],
    ['BatchNorm', nn.BatchNorm, {}],
    ['LayerNorm', nn.LayerNorm, {}],
    ['Dropout', nn.Dropout, { rate: 0.5 }],
    ['Sequential', nn.Sequential, { layers: [nn.relu] }],
  ];
  it.each(layers)('%s refuses names in its configuration that it does not have', (name, layer, config) => {
    expect(() => layer(wrong({ ...config, use_bias: false }))).toThrow(errors.ArgumentError);
    expect(() => layer(wrong({ ...config, use_bias: false }))).toThrow(`${name} has no option "use_bias": its options are `);
    expect(() => layer(wrong({ ...config, name: 'own' }))).not.toThrow();
  });
  it('BatchNorm refuses them at its call', () => {
    const norm = nn.BatchNorm({ useRunningAverage: true });
    expect(() => norm.init(key, x, wrong({ train: false }))).toThrow(/a call of BatchNorm has no option "train"/);
  });
  it('a list in place of the configuration is named, not printed', () => {
    expect(() => nn.Sequential(wrong([nn.Dense({ features: 2 })]))).toThrow(/as one object, as in Sequential\(.*, got an array of 1/);
  });
  it('a list in place of several transformations is told how to be passed', () => {
    expect(() => optim.chain(wrong([optim.sgd(1)]))).toThrow(/argument 0 is an array: pass its elements, chain\(\.\.\.list\)/);
  });
});
