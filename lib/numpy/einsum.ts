/** Einstein summation. */
import { ArgumentError, ShapeError } from '../core/errors.js';
import * as lax from '../core/primitives/index.js';
import type { Tensor } from '../core/tensor.js';
import { arrange, contract, diagonalOf, dropStretched, sumOut, type Labelled } from './contraction.js';
import { cast, describe, promotedDTypes, type TensorLike } from './operands.js';

/**
 * The sum of products that `subscripts` spells: 'ij,jk->ik' is a matrix product, 'ii' a trace, '...i,i->...' a batch of dot products. Without '->' the result has the
 * labels that stand once, in alphabetical order, after the dimensions of '...'. Sizes of equal labels agree or are 1. As jnp.einsum.
 * @example
 * np.einsum('ij,jk->ik', np.array([[1, 2]]), np.array([[3], [4]])); // => Tensor float32[1, 1] [[11]]
 * np.einsum('ii', np.eye(3)); // => Tensor float32[] 3
 */
export function einsum(subscripts: string, ...operands: readonly TensorLike[]): Tensor {
  if (typeof subscripts !== 'string')
    throw new ArgumentError(`np.einsum takes subscripts such as 'ij,jk->ik' first, got ${describe(subscripts)}`);
  const tensors = promotedDTypes('einsum', operands);
  if (tensors.length === 0) throw new ArgumentError(`np.einsum "${subscripts}" needs at least one operand`);
  const { terms, output } = parse(subscripts, tensors);
  const bool = tensors[0]!.dtype === 'bool';
  const result = evaluate(bool ? terms.map((t) => ({ ...t, x: cast(t.x, 'int32') })) : terms, output);
  return bool ? lax.ne(result, 0) : result;
}

function evaluate(given: readonly Labelled[], output: readonly string[]): Tensor {
  let terms = dropStretched(given.map(takeDiagonals));
  while (terms.length > 1) {
    const [i, j] = cheapestPair(terms, output);
    const others = terms.filter((_, k) => k !== i && k !== j);
    const keep = new Set([...output, ...others.flatMap((t) => t.labels)]);
    terms = [...others, contract(terms[i]!, terms[j]!, keep)];
  }
  const last = sumOut(terms[0]!, (l) => output.includes(l));
  return arrange(last, output);
}

/** A label that stands twice in one operand picks its diagonal. */
function takeDiagonals({ x, labels }: Labelled): Labelled {
  const twice = labels.findIndex((l, i) => labels.indexOf(l) !== i);
  if (twice < 0) return { x, labels };
  const first = labels.indexOf(labels[twice]!);
  return takeDiagonals({
    x: diagonalOf(x, first, twice),
    labels: [labels[twice]!, ...labels.filter((_, i) => i !== first && i !== twice)],
  });
}

/** The pair whose product is smallest compared with what goes into it. */
function cheapestPair(terms: readonly Labelled[], output: readonly string[]): [number, number] {
  const sizes = new Map(terms.flatMap((t) => t.labels.map((l, i): [string, number] => [l, t.x.shape[i]!])));
  let best: [number, number] = [0, 1];
  let least = Infinity;
  for (let i = 0; i < terms.length; i++) {
    for (let j = i + 1; j < terms.length; j++) {
      const others = terms.filter((_, k) => k !== i && k !== j).flatMap((t) => t.labels);
      const left = new Set([...terms[i]!.labels, ...terms[j]!.labels].filter((l) => output.includes(l) || others.includes(l)));
      const cost = [...left].reduce((n, l) => n * sizes.get(l)!, 1) - terms[i]!.x.size - terms[j]!.x.size;
      if (cost < least) [least, best] = [cost, [i, j]];
    }
  }
  return best;
}

function parse(subscripts: string, tensors: readonly Tensor[]): { terms: Labelled[]; output: string[] } {
  const fail = (what: string): never => {
    throw new ArgumentError(`np.einsum "${subscripts}": ${what}`);
  };
  const text = subscripts.replaceAll(' ', '');
  const [left = '', right, ...more] = text.split('->');
  if (more.length > 0) fail('there is more than one "->"');
  const inputs = left.split(',');
  if (inputs.length !== tensors.length) fail(`it names ${inputs.length} operands, got ${tensors.length}`);
  const split = (part: string): string[] => {
    const pieces = part.split('...');
    if (pieces.length > 2) fail(`"${part}" has more than one "..."`);
    const bad = /[^A-Za-z]/.exec(pieces.join(''));
    if (bad !== null) fail(`"${bad[0]}" is no label: labels are letters, "..." stands for the dimensions that have none`);
    return pieces.length === 1 ? [...part] : [...pieces[0]!, '...', ...pieces[1]!];
  };
  let dots = 0;
  const terms = inputs.map((part, k): Labelled => {
    const x = tensors[k]!;
    const named = split(part);
    const spare = x.ndim - named.filter((l) => l !== '...').length;
    if (spare < 0 || (spare > 0 && !named.includes('...'))) fail(`"${part}" has ${named.length} labels, but operand ${k} is ${x}`);
    dots = Math.max(dots, spare);
    return { x, labels: named.flatMap((l) => (l === '...' ? dotLabels(spare) : [l])) };
  });
  checkSizes(subscripts, terms);
  const present = new Set(terms.flatMap((t) => t.labels));
  const output = right === undefined ? implicit(terms, dots) : split(right).flatMap((l) => (l === '...' ? dotLabels(dots) : [l]));
  for (const l of output) {
    if (!present.has(l)) fail(`the output's label "${l}" stands in no operand`);
    if (output.indexOf(l) !== output.lastIndexOf(l)) fail(`the output has the label "${l}" twice`);
  }
  return { terms, output };
}

/** Names for the dimensions of '...', matched from the last. */
const dotLabels = (count: number): string[] => Array.from({ length: count }, (_, i) => `.${count - i}`);

function implicit(terms: readonly Labelled[], dots: number): string[] {
  const all = terms.flatMap((t) => t.labels).filter((l) => !l.startsWith('.'));
  return [...dotLabels(dots), ...all.filter((l) => all.indexOf(l) === all.lastIndexOf(l)).sort()];
}

function checkSizes(subscripts: string, terms: readonly Labelled[]): void {
  const sizes = new Map<string, number>();
  terms.forEach(({ x, labels }, k) =>
    labels.forEach((l, i) => {
      const size = x.shape[i]!;
      const have = sizes.get(l) ?? 1;
      if (have !== 1 && size !== 1 && have !== size) {
        const name = l.startsWith('.') ? 'a dimension of "..."' : `"${l}"`;
        throw new ShapeError(
          `np.einsum "${subscripts}": ${name} has size ${size} in operand ${k} (${x}) and ${have} before it; they must agree or be 1`,
        );
      }
      if (size !== 1) sizes.set(l, size);
    }),
  );
}
