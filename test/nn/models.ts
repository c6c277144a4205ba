/** Models that several module tests use: the guide's, and small ones with one mistake or feature each. */
import { nn, type Tensor } from 'flaxen';
import { add, broadcastTo, full } from '../../lib/core/primitives/index.js';

const { zeros } = nn.initializers;

export const MLP = nn.module('MLP', () => (x: Tensor) => {
  x = nn.Dense({ features: 4 })(x);
  x = nn.relu(x);
  return nn.Dense({ features: 1 })(x);
});

export const MLP_BN = nn.module('MLP_BN', () => (x: Tensor, { train }: { train: boolean }) => {
  x = nn.Dense({ features: 4 })(x);
  x = nn.BatchNorm({ useRunningAverage: !train })(x);
  x = nn.relu(x);
  return nn.Dense({ features: 1 })(x);
});

export const Drop = nn.module(
  'Drop',
  () =>
    (x: Tensor, { train }: { train: boolean }) =>
      nn.Dropout({ rate: 0.5, deterministic: !train })(nn.Dense({ features: 2 })(x)),
);

export const TwoSame = nn.module('TwoSame', () => (x: Tensor) => {
  x = nn.Dense({ features: 2, name: 'bar' })(x);
  return nn.Dense({ features: 2, name: 'bar' })(x);
});

export const AutoClash = nn.module('AutoClash', () => (x: Tensor) => {
  x = nn.Dense({ features: 2, name: 'Dense_0' })(x);
  return nn.Dense({ features: 2 })(x);
});

export const ParamClash = nn.module('ParamClash', () => (x: Tensor) => {
  nn.param('bar', zeros, [1]);
  return nn.Dense({ features: 2, name: 'bar' })(x);
});

const spread = (v: Tensor, x: Tensor): Tensor => broadcastTo(v, x.shape);

export const ParamTwice = nn.module('ParamTwice', () => (x: Tensor) => {
  const a = nn.param('w', zeros, [1]);
  return add(x, spread(add(a, nn.param('w', zeros, [1])), x));
});

export const SameNameTwoCollections = nn.module('SameNameTwoCollections', () => (x: Tensor) => {
  const a = nn.param('w', zeros, [1]);
  const b = nn.variable('state', 'w', (shape: number[]) => full(shape, 0), [1]);
  return add(x, spread(add(a, b.value), x));
});

export const NoFlag = nn.module('NoFlag', () => (x: Tensor) => nn.BatchNorm()(x));

export const BothFlags = nn.module(
  'BothFlags',
  () => (x: Tensor) => nn.BatchNorm({ useRunningAverage: true })(x, { useRunningAverage: false }),
);
