/** The shapes that an initializer would give, found by tracing it, so that no number is drawn. */
import { Aval, type Shape } from '../core/aval.js';
import { Tensor } from '../core/tensor.js';
import { withTrace } from '../core/trace.js';
import { leaves } from '../core/tree.js';

/** Makes a parameter from a random key and further arguments, such as a shape and a dtype. */
export type InitFn<A extends readonly unknown[], T> = (key: Tensor, ...args: A) => T;

const KEY = Aval.of([2], 'uint32');

// Initializers are pure: the same one with the same arguments gives the same shapes, and `apply` asks each time.
const known = new WeakMap<object, Map<string, readonly Shape[]>>();

export const shapesOf = (tree: unknown): Shape[] => leaves(tree).map((leaf) => (leaf instanceof Tensor ? leaf.shape : []));

export function initShapes<A extends readonly unknown[], T>(init: InitFn<A, T>, args: A): readonly Shape[] {
  const key = keyOf(args);
  let shapes = key === null ? undefined : known.get(init)?.get(key);
  if (shapes === undefined) {
    shapes = withTrace('an initializer', (trace) => shapesOf(init(trace.argument(KEY), ...args)));
    if (key !== null) {
      let byArgs = known.get(init);
      if (byArgs === undefined) known.set(init, (byArgs = new Map<string, readonly Shape[]>()));
      byArgs.set(key, shapes);
    }
  }
  return shapes;
}

/** A key for arguments that are shapes, numbers and names; null for others, which are not worth one. */
function keyOf(args: readonly unknown[]): string | null {
  let key = '';
  for (const arg of args) {
    if (Array.isArray(arg) && arg.every((d) => typeof d === 'number')) key += `[${arg.join()}]`;
    else if (typeof arg === 'number' || typeof arg === 'string' || typeof arg === 'boolean') key += `${typeof arg}${String(arg)};`;
    else if (arg === undefined) key += ';';
    else return null;
  }
  return key;
}
