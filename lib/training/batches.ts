/** Batches of a data set that is in memory. */
import { fromTypedArray } from '../core/array.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { jit } from '../core/jit.js';
import { take } from '../core/primitives/index.js';
import { Tensor } from '../core/tensor.js';
import * as tree from '../core/tree.js';
import { permutation } from '../random/index.js';
import { withDefaults } from '../optim/transform.js';

const gather = jit((arrays: unknown, rows: Tensor): unknown => tree.map((x: Tensor) => take(x, rows, 0, 'clip'), arrays), {
  name: 'training.batches',
});
const gatherShuffled = jit(
  (arrays: unknown, order: Tensor, rows: Tensor): unknown => {
    const picked = take(order, rows, 0, 'clip');
    return tree.map((x: Tensor) => take(x, picked, 0, 'clip'), arrays);
  },
  { name: 'training.batches' },
);

/** A tree like T with tensors in place of typed arrays. */
export type Batch<T> = T extends Tensor | ArrayBufferView ? Tensor : T extends object ? { -readonly [K in keyof T]: Batch<T[K]> } : T;

/**
 * The batches of one epoch: trees like `arrays` (tensors or typed arrays whose first axes agree), of `batchSize` rows each, in the order of
 * `random.permutation(key, rows)`, or as they are if `key` is null. The last batch has what is left, unless `dropRemainder`. Throws ArgumentError, ShapeError.
 * @example
 * const data = { image: np.ones([5, 2]), label: Int32Array.of(0, 1, 2, 3, 4) };
 * for (const { label } of training.batches(random.PRNGKey(0), data, 2)) console.log(label);
 * // Tensor int32[2] [0, 1]
 * // Tensor int32[2] [4, 3]
 * // Tensor int32[1] [2]
 */
export function* batches<T>(
  key: Tensor | null,
  arrays: T,
  batchSize: number,
  options?: { dropRemainder?: boolean },
): Generator<Batch<T>, void, undefined> {
  const { dropRemainder } = withDefaults('batches', options, { dropRemainder: false });
  const data = tree.map((leaf: unknown) => (ArrayBuffer.isView(leaf) ? fromTypedArray(leaf) : leaf), arrays);
  const rows = rowsOf(data);
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new ArgumentError(`batches needs a batch size of at least 1, got ${String(batchSize)}`);
  if (dropRemainder && batchSize > rows)
    throw new ArgumentError(`batches of ${batchSize} with dropRemainder: the data has only ${rows} rows`);
  const order = key === null ? null : permutation(key, rows);
  for (let start = 0; start < rows; start += batchSize) {
    const size = Math.min(batchSize, rows - start);
    if (size < batchSize && dropRemainder) return;
    const at = fromTypedArray(Int32Array.from({ length: size }, (_, i) => start + i));
    yield (order === null ? gather(data, at) : gatherShuffled(data, order, at)) as Batch<T>;
  }
}

function rowsOf(data: unknown): number {
  let rows: number | null = null;
  for (const [path, leaf] of tree.leavesWithPath(data)) {
    if (!(leaf instanceof Tensor) || leaf.ndim === 0) {
      throw new ShapeError(
        `batches needs tensors with a first axis to cut, got ${leaf instanceof Tensor ? leaf : typeof leaf} at ${tree.formatPath(path)}`,
      );
    }
    if (rows !== null && rows !== leaf.shape[0])
      throw new ShapeError(`batches needs one number of rows, got ${rows} and, at ${tree.formatPath(path)}, ${leaf}`);
    rows = leaf.shape[0]!;
  }
  if (rows === null) throw new ArgumentError('batches needs at least one tensor');
  return rows;
}
