/** Averages of metrics over the batches of an epoch, kept as tensors: nothing waits for a number until the average is asked for. */
import { full } from '../core/primitives/index.js';
import { add, broadcast, convert, div, mul } from '../core/primitives/index.js';
import { ArgumentError } from '../core/errors.js';
import { jit } from '../core/jit.js';
import { Tensor } from '../core/tensor.js';
import * as tree from '../core/tree.js';

type Sums = readonly [total: unknown, weight: Tensor];

const weighted = (metric: Tensor, weight: Tensor): Tensor => {
  const x = convert(metric, 'float32');
  return mul(x, broadcast(weight, x.shape, []));
};

const accumulate = jit(
  ([total, weight]: Sums, metrics: unknown, by: Tensor | number): Sums => {
    const w = by instanceof Tensor ? convert(by, 'float32') : full([], by);
    const sums = tree.map((sum: Tensor, metric: Tensor) => add(sum, weighted(metric, w)), total, metrics);
    return [sums, add(weight, w)];
  },
  { name: 'MeanMetrics.add' },
);

/**
 * The weighted mean of trees of metrics, such as `{ loss, accuracy }`. Weigh by the batch's size when the last batch is smaller.
 * @example
 * const metrics = new training.MeanMetrics<{ loss: Tensor }>();
 * metrics.add({ loss: np.array(1) }, 32).add({ loss: np.array(4) }, 16);
 * await metrics.result(); // => { loss: 2 }
 */
export class MeanMetrics<T extends object> {
  private sums: Sums | null = null;

  /**
   * Adds the metrics of a batch, weighted: a tree of scalars, tensors or numbers (or tensors that keep their shapes), summed in float32.
   * @example await new training.MeanMetrics<{ loss: number }>().add({ loss: 1 }).add({ loss: 4 }, 2).result(); // => { loss: 3 }
   */
  add(metrics: T, weight: Tensor | number = 1): this {
    if (typeof weight === 'number' && !(weight >= 0))
      throw new ArgumentError(`MeanMetrics.add needs a weight of at least 0, got ${String(weight)}`);
    this.sums ??= [tree.map((m: Tensor | number) => full(m instanceof Tensor ? m.shape : [], 0), metrics), full([], 0)];
    this.sums = accumulate(this.sums, metrics, weight);
    return this;
  }

  /**
   * The means as float32 tensors; throws ArgumentError before the first `add`.
   * @example new training.MeanMetrics().add({ seen: np.array([1, 2]) }).compute(); // => { seen: Tensor float32[2] [1, 2] }
   */
  compute(): T {
    if (this.sums === null) throw new ArgumentError('MeanMetrics has no metrics yet: call add(metrics) before compute()');
    const [total, weight] = this.sums;
    return tree.map((sum: Tensor) => div(sum, broadcast(weight, sum.shape, [])), total) as T;
  }

  /**
   * The means as numbers (nested arrays for tensors), read without blocking.
   * @example await new training.MeanMetrics().add({ loss: np.array(2), seen: np.array([1, 2]) }).result(); // => { loss: 2, seen: [1, 2] }
   */
  async result(): Promise<tree.Mapped<T, number>> {
    const [means, def] = tree.flatten(this.compute());
    return tree.unflatten(def, await Promise.all(means.map((mean) => (mean as Tensor).array()))) as tree.Mapped<T, number>;
  }

  /**
   * Forgets all, for the next epoch.
   * @example
   * const metrics = new training.MeanMetrics().add({ loss: 1 });
   * metrics.reset();
   * await metrics.add({ loss: 3 }).result(); // => { loss: 3 }
   */
  reset(): void {
    this.sums = null;
  }
}
