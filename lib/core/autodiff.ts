/** Reverse-mode differentiation: walks the tape backward, calling `bind` again, so that gradients have gradients. */
import { formatShape } from './aval.js';
import { isFloat } from './dtype.js';
import { ArgumentError, DTypeError, GradientError, ShapeError, TreeStructureError } from './errors.js';
import { checkOptions } from './options.js';
import { add, full, zerosLike } from './primitives/index.js';
import { freshInput, isRecording, newLevel, whileRecording, type TapeNode } from './tape.js';
import { Tensor } from './tensor.js';
import * as tree from './tree.js';

/** Cotangents of `targets` (fresh inputs of one level) given those of `roots`. */
function backward(
  roots: readonly Tensor[],
  cotangents: readonly (Tensor | null)[],
  targets: readonly Tensor[],
  level: number,
): (Tensor | null)[] {
  const targetNodes = new Set(targets.map((t) => t.origin!.node));
  const reached = new Set<TapeNode>();
  const stack = roots.flatMap((r) => (r.origin ? [r.origin.node] : []));
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (node.level < level || reached.has(node)) continue;
    reached.add(node);
    if (targetNodes.has(node)) continue;
    for (const input of node.inputs) if (input.origin !== null) stack.push(input.origin.node);
  }
  const nodes = [...reached].sort((a, b) => a.order - b.order);
  const leading = new Set<TapeNode>(); // nodes through which a target is reached
  for (const node of nodes) {
    if (targetNodes.has(node) || node.inputs.some((t) => t.origin !== null && leading.has(t.origin.node))) leading.add(node);
  }

  const pending = new Map<TapeNode, (Tensor | null)[]>();
  const give = (tensor: Tensor, ct: Tensor | null): void => {
    if (ct === null || tensor.origin === null || !leading.has(tensor.origin.node)) return;
    const { node, index } = tensor.origin;
    let slots = pending.get(node);
    if (slots === undefined) pending.set(node, (slots = node.outputs.map(() => null)));
    const have = slots[index]!;
    slots[index] = have === null ? ct : add(have, ct);
  };
  roots.forEach((r, i) => give(r, cotangents[i]!));
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i]!;
    const slots = pending.get(node);
    if (slots === undefined || targetNodes.has(node) || node.grad === null) continue;
    pending.delete(node);
    const needs = node.inputs.map((t) => isFloat(t.dtype) && t.origin !== null && leading.has(t.origin.node));
    const grads = node.grad({ inputs: node.inputs, outputs: node.outputs, params: node.params, cotangents: slots, ct: slots[0]!, needs });
    node.inputs.forEach((t, j) => {
      if (needs[j]) give(t, grads[j]!);
    });
  }
  return targets.map((t) => pending.get(t.origin!.node)?.[0] ?? null);
}

// Outside every differentiation a result forgets how it was made, so that keeping it keeps no tape.
const settle = <T>(value: T): T =>
  !isRecording() && value instanceof Tensor && value.origin !== null ? (value.withOrigin(null) as T) : value;
const settleTree = <T>(value: T): T => (isRecording() ? value : (tree.map(settle as (leaf: never) => unknown, value) as T));

const asTensor = (leaf: unknown): Tensor | null => {
  if (leaf instanceof Tensor) return leaf;
  return typeof leaf === 'number' ? full([], leaf) : null;
};

interface Linearized<R> {
  result: R;
  pull(outputs: readonly Tensor[], cotangents: readonly (Tensor | null)[]): (Tensor | null)[];
}

/** Runs `f` on fresh identities of `primals`. */
function linearize<R>(f: (inputs: Tensor[]) => R, primals: readonly Tensor[]): Linearized<R> {
  const level = newLevel();
  const targets = primals.map((t) => freshInput(t, level));
  const result = whileRecording(() => f(targets));
  refuseAsync(result);
  return { result, pull: (outputs, cts) => backward(outputs, cts, targets, level) };
}

function refuseAsync(result: unknown): void {
  if (!(result instanceof Promise)) return;
  result.catch(() => {}); // what it does later is beside the point
  throw new GradientError('a differentiated function must not be async: compute the loss synchronously and await its data outside');
}

/**
 * The value of `f(...primals)` and its pullback: `[out, back]`, where `back(cotangent)` gives an array with one cotangent tree for each primal
 * (zeros where nothing depends on it; null for leaves that are not float32). `cotangent` has the structure, shapes and dtypes of `out`. As jax.vjp.
 * @example
 * const [y, back] = vjp((a: Tensor, b: Tensor) => a.mul(b), np.array([1, 2]), np.array([3, 4]));
 * y; // => Tensor float32[2] [3, 8]
 * back(np.ones([2])); // => [Tensor float32[2] [3, 4], Tensor float32[2] [1, 2]]
 */
export function vjp<A extends unknown[], R>(f: (...primals: A) => R, ...primals: A): [R, (cotangent: R) => A] {
  const [leaves, def] = tree.flatten(primals);
  const tensors = leaves.map(asTensor);
  const wanted = tensors.flatMap((t, i) => (t !== null && isFloat(t.dtype) ? [i] : []));
  const { result, pull } = linearize(
    (inputs) => {
      const filled: unknown[] = [...leaves];
      wanted.forEach((at, i) => (filled[at] = inputs[i]));
      return f(...(tree.unflatten(def, filled) as A));
    },
    wanted.map((i) => tensors[i]!),
  );
  const [outLeaves, outDef] = tree.flatten(result);
  const back = (cotangent: R): A => {
    const given: unknown[] = [];
    if (!outDef.collect(cotangent, given)) {
      throw new TreeStructureError(`a cotangent has the structure of the output ${outDef}, got ${tree.structure(cotangent)}`);
    }
    const outs: Tensor[] = [];
    const cts: Tensor[] = [];
    outLeaves.forEach((out, i) => {
      if (!(out instanceof Tensor) || !isFloat(out.dtype)) return;
      const ct = asTensor(given[i]);
      if (ct === null || ct.shape.join() !== out.shape.join() || ct.dtype !== out.dtype) {
        throw new ShapeError(
          `the cotangent of output ${i} is ${ct ?? typeof given[i]}, but the output is ${out}: shape and dtype must agree`,
        );
      }
      outs.push(out);
      cts.push(ct);
    });
    const grads = pull(outs, cts);
    const filled: unknown[] = leaves.map(() => null);
    wanted.forEach((at, i) => (filled[at] = settle(grads[i] ?? zerosLike(tensors[at]!))));
    return tree.unflatten(def, filled) as A;
  };
  return [settleTree(result), back];
}

/** What `grad` and `valueAndGrad` can be told. */
export interface GradOptions {
  /** Which arguments to differentiate: an index, or a list of them, for which a list of gradients comes back. Default 0. */
  argnums?: number | readonly number[];
  /** Whether `f` returns `[loss, aux]`; `aux` is any tree and comes back untouched. */
  hasAux?: boolean;
}

type Grads<A extends unknown[], N> = N extends readonly number[]
  ? { -readonly [K in keyof N]: A[N[K] & keyof A] }
  : N extends number
    ? A[N & keyof A]
    : A[0];

/**
 * A function that returns the value of `f` and its gradient: `[value, grads]`, or `[[value, aux], grads]` with `hasAux`. `f` returns a float32 scalar.
 * Gradients have the structure of the arguments they belong to, which must be float32 throughout. As jax.value_and_grad.
 * @example
 * const loss = ({ w }: { w: Tensor }, x: Tensor) => [w.mul(x).sum(), { seen: x.size }] as const;
 * const [[value, aux], grads] = valueAndGrad(loss, { hasAux: true })({ w: np.array([1, 2]) }, np.array([3, 4]));
 * value; // => Tensor float32[] 11
 * aux; // => { seen: 2 }
 * grads; // => { w: Tensor float32[2] [3, 4] }
 */
export function valueAndGrad<A extends unknown[], X, const N extends number | readonly number[] = 0>(
  f: (...args: A) => readonly [Tensor, X],
  options: { hasAux: true; argnums?: N },
): (...args: A) => [[Tensor, X], Grads<A, N>];
export function valueAndGrad<A extends unknown[], const N extends number | readonly number[] = 0>(
  f: (...args: A) => Tensor,
  options?: { hasAux?: false; argnums?: N },
): (...args: A) => [Tensor, Grads<A, N>];
export function valueAndGrad(f: (...args: never[]) => unknown, options: GradOptions = {}): (...args: unknown[]) => unknown {
  if (typeof f !== 'function') throw new ArgumentError(`grad needs a function, got ${String(f)}`);
  checkOptions('grad', options, { argnums: true, hasAux: true });
  const { argnums = 0, hasAux = false } = options;
  const name = f.name || 'the function';
  return (...args) => {
    const list = typeof argnums === 'number' ? [argnums] : argnums;
    const chosen = list.map((n) => {
      const at = n < 0 ? n + args.length : n;
      if (!Number.isInteger(n) || at < 0 || at >= args.length) {
        throw new ArgumentError(`argnums ${n} names no argument of ${name}, which was called with ${args.length}`);
      }
      return at;
    });
    const trees = chosen.map((i) => tree.flatten(args[i]));
    const primals = trees.flatMap(([leaves, def], k) => leaves.map((leaf, i) => checkPrimal(leaf, name, chosen[k]!, def, i)));

    let aux: unknown;
    const { result: value, pull } = linearize((inputs) => {
      const filled = [...args];
      let at = 0;
      trees.forEach(([leaves, def], k) => {
        filled[chosen[k]!] = tree.unflatten(def, inputs.slice(at, (at += leaves.length)));
      });
      const result = (f as (...a: unknown[]) => unknown)(...filled);
      refuseAsync(result);
      if (!hasAux) return checkScalar(result, name);
      if (!Array.isArray(result) || result.length !== 2) {
        throw new GradientError(
          `with hasAux ${name} must return [loss, aux], got ${Array.isArray(result) ? `an array of ${result.length}` : describe(result)}`,
        );
      }
      aux = result[1];
      return checkScalar(result[0], name);
    }, primals);

    const cotangents = pull([value], [full([], 1)]);
    const grads = primals.map((p, i) => settle(cotangents[i] ?? zerosLike(p)));
    let at = 0;
    const gradTrees = trees.map(([leaves, def]) => tree.unflatten(def, grads.slice(at, (at += leaves.length))));
    const gradient = typeof argnums === 'number' ? gradTrees[0] : gradTrees;
    return [hasAux ? [settle(value), settleTree(aux)] : settle(value), gradient];
  };
}

/**
 * A function that returns the gradient of `f`, or `[grads, aux]` with `hasAux`. See `valueAndGrad`. As jax.grad.
 * @example
 * const slope = grad((x: Tensor) => x.mul(x).sum());
 * slope(np.array([1, 2, 3])); // => Tensor float32[3] [2, 4, 6]
 * grad((x: Tensor) => grad((y: Tensor) => y.pow(3))(x))(np.array(2)); // => Tensor float32[] 12
 */
export function grad<A extends unknown[], X, const N extends number | readonly number[] = 0>(
  f: (...args: A) => readonly [Tensor, X],
  options: { hasAux: true; argnums?: N },
): (...args: A) => [Grads<A, N>, X];
export function grad<A extends unknown[], const N extends number | readonly number[] = 0>(
  f: (...args: A) => Tensor,
  options?: { hasAux?: false; argnums?: N },
): (...args: A) => Grads<A, N>;
export function grad(f: (...args: never[]) => unknown, options: GradOptions = {}): (...args: never[]) => unknown {
  const both = valueAndGrad(f as () => Tensor, options as { hasAux?: false }) as (...args: never[]) => [unknown, unknown];
  return (...args) => {
    const [value, grads] = both(...args);
    return options.hasAux ? [grads, (value as unknown[])[1]] : grads;
  };
}

/**
 * The same value, through which no cotangent flows. Trees are taken leaf by leaf. As jax.lax.stop_gradient.
 * @example grad((x: Tensor) => x.mul(stopGradient(x)).sum())(np.array([1, 2])); // => Tensor float32[2] [1, 2]
 */
export function stopGradient<T>(value: T): T {
  const stop = (leaf: unknown): unknown => (leaf instanceof Tensor ? leaf.withOrigin(null) : leaf);
  return tree.map(stop as (leaf: never) => unknown, value) as T;
}

function checkPrimal(leaf: unknown, name: string, arg: number, def: tree.TreeDef, index: number): Tensor {
  const t = asTensor(leaf);
  if (t !== null && isFloat(t.dtype)) return t;
  const paths: tree.Path[] = [];
  def.paths([], paths);
  const where = `argument ${arg} of ${name} at ${tree.formatPath(paths[index]!)}`;
  if (t === null)
    throw new DTypeError(`grad needs tensors, got ${describe(leaf)} in ${where}: leave it out of the differentiated argument`);
  throw new DTypeError(`grad requires float32 inputs, got ${t} in ${where}: convert it with astype('float32'), or leave it out of argnums`);
}

function checkScalar(value: unknown, name: string): Tensor {
  if (typeof value === 'number') return full([], value);
  if (!(value instanceof Tensor)) {
    throw new GradientError(
      `${name} must return a scalar tensor, got ${describe(value)}${Array.isArray(value) ? '; pass { hasAux: true } if it returns [loss, aux]' : ''}`,
    );
  }
  if (value.ndim !== 0) {
    throw new GradientError(
      `Gradient only defined for scalar-output functions. Output of ${name} had shape: ${formatShape(value.shape)}; reduce it with .mean() or .sum()`,
    );
  }
  if (!isFloat(value.dtype)) throw new GradientError(`grad requires a float32 output, ${name} returned ${value}`);
  return value;
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  return value instanceof Tensor ? value.toString() : `a value of type ${typeof value}`;
}
