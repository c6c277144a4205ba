/** The model of the benchmark's cases in flaxen: Dense-BatchNorm-relu for each width but the last, then Dense. */
import { nn, type Tensor } from 'flaxen';

export const MLP = nn.module('MLP', ({ widths }: { widths: readonly number[] }) => (x: Tensor, { train }: { train: boolean }) => {
  for (const features of widths.slice(0, -1)) {
    x = nn.Dense({ features })(x);
    x = nn.BatchNorm({ useRunningAverage: !train })(x);
    x = nn.relu(x);
  }
  return nn.Dense({ features: widths.at(-1)! })(x);
});
