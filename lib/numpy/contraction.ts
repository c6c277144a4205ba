/** Products of labelled tensors: what matmul, tensordot and einsum are made of. */
import * as lax from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';

/** A tensor whose dimensions have names; equal names in two tensors are matched. */
export interface Labelled {
  readonly x: Tensor;
  readonly labels: readonly string[];
}

/**
 * The product of two tensors, summed over the labels that are not in `keep`. The result has the common labels first, then a's, then b's.
 * Sizes of equal labels agree.
 */
export function contract(a: Labelled, b: Labelled, keep: ReadonlySet<string>): Labelled {
  a = sumOut(a, (l) => keep.has(l) || b.labels.includes(l));
  b = sumOut(b, (l) => keep.has(l) || a.labels.includes(l));
  const common = a.labels.filter((l) => b.labels.includes(l));
  const batch = common.filter((l) => keep.has(l));
  const summed = common.filter((l) => !keep.has(l));
  const product = lax.dotGeneral(a.x, b.x, {
    lhsContract: summed.map((l) => a.labels.indexOf(l)),
    rhsContract: summed.map((l) => b.labels.indexOf(l)),
    lhsBatch: batch.map((l) => a.labels.indexOf(l)),
    rhsBatch: batch.map((l) => b.labels.indexOf(l)),
  });
  const free = (t: Labelled): string[] => t.labels.filter((l) => !common.includes(l));
  return { x: product, labels: [...batch, ...free(a), ...free(b)] };
}

/** Sums over the labels that `stays` refuses. */
export function sumOut({ x, labels }: Labelled, stays: (label: string) => boolean): Labelled {
  const gone = labels.flatMap((l, i) => (stays(l) ? [] : [i]));
  return { x: lax.reduceSum(x, gone), labels: labels.filter(stays) };
}

/** Drops dimensions of size 1 whose label has another size elsewhere, so that they broadcast. */
export function dropStretched(terms: readonly Labelled[]): Labelled[] {
  const stretched = new Set(terms.flatMap(({ x, labels }) => labels.filter((_, i) => x.shape[i] !== 1)));
  return terms.map(({ x, labels }) => {
    const stays = (i: number): boolean => x.shape[i] !== 1 || !stretched.has(labels[i]!);
    return {
      x: lax.reshape(
        x,
        x.shape.filter((_, i) => stays(i)),
      ),
      labels: labels.filter((_, i) => stays(i)),
    };
  });
}

/** The dimensions in the order of `labels`. */
export function arrange(term: Labelled, labels: readonly string[]): Tensor {
  return lax.transpose(
    term.x,
    labels.map((l) => term.labels.indexOf(l)),
  );
}

/** The diagonal over dimensions `p` and `q` of one size, which becomes the first dimension. */
export function diagonalOf(x: Tensor, p: number, q: number, offset = 0): Tensor {
  const others = x.shape.map((_, i) => i).filter((i) => i !== p && i !== q);
  const rest = others.map((i) => x.shape[i]!);
  const [rows, columns] = [x.shape[p]!, x.shape[q]!];
  const count = Math.max(0, offset >= 0 ? Math.min(rows, columns - offset) : Math.min(rows + offset, columns));
  const flat = lax.reshape(lax.transpose(x, [p, q, ...others]), [rows * columns, ...rest]);
  const start = count === 0 ? 0 : offset >= 0 ? offset : -offset * columns;
  const limit = count === 0 ? 0 : start + (count - 1) * (columns + 1) + 1;
  // Neighbours on a diagonal lie columns + 1 apart in row-major order.
  return lax.slice(flat, [start, ...rest.map(() => 0)], [limit, ...rest], [columns + 1, ...rest.map(() => 1)]);
}
