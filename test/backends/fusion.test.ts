/** Dense layers over many rows are fused with the batch norms around them: the program says so, and means the same as one operation at a time. */
import { describe, expect, it } from 'vitest';

import { backendInfo, jit, nn, np, random, tree, valueAndGrad, type Tensor } from '../../lib/index.js';

const ROWS = 1100;

const Net = nn.module('Net', () => (x: Tensor) => {
  for (const features of [24, 17]) {
    x = nn.Dense({ features })(x);
    x = nn.relu(nn.BatchNorm({ useRunningAverage: false })(x));
  }
  return nn.Dense({ features: 10 })(x);
});

const net = Net();
const x = random.normal(random.PRNGKey(1), [ROWS, 20]);
const target = random.normal(random.PRNGKey(2), [ROWS, 10]);
const { params, batch_stats } = net.init(random.PRNGKey(0), x);

const lossAndGrads = (p: typeof params) =>
  valueAndGrad(
    (p: typeof params) => {
      const [y, updates] = net.apply({ params: p, batch_stats }, x, { mutable: ['batch_stats'] });
      return [np.mean(np.square(y.sub(target))), updates] as const;
    },
    { hasAux: true },
  )(p);

describe.runIf(backendInfo().name === 'cpu')('dense and batch norm over many rows', () => {
  it('are fused, and the program says what was', () => {
    const text = jit(lossAndGrads).lower(params).asText();
    expect(text).toContain('x through batch norm and relu; y = x * kernel + bias; statistics of y');
    expect(text).toContain(
      'dy back through batch norm and relu; x through batch norm and relu; dkernel = x^T * dy; dbias; dx = dy * kernel^T',
    );
    expect(text.slice(text.indexOf('\nprogram'))).not.toMatch(/batchNorm|dotGeneral/);
  });

  it('give the numbers of one operation at a time, and the same bits each time', () => {
    const step = jit(lossAndGrads);
    const leaves = (all: ReturnType<typeof step>): number[][] => tree.leaves(all).map((t) => Array.from((t as Tensor).dataSync()));
    const [got, again, wanted] = [leaves(step(params)), leaves(step(params)), leaves(lossAndGrads(params))];
    expect(again).toEqual(got);
    got.forEach((leaf, i) => {
      const most = Math.max(...wanted[i]!.map(Math.abs), 1e-2);
      leaf.forEach((v, j) => expect(Math.abs(v - wanted[i]![j]!) / most).toBeLessThan(2e-5));
    });
  });
});
