/** What a primitive is: a name, a rule for shapes and dtypes, and a rule for its gradient. */
import type { WireParams } from '../backends/backend.js';
import type { Aval } from './aval.js';
import type { Tensor } from './tensor.js';

export type Params = WireParams;

/** What a gradient rule gets: the values that went in and came out, and the cotangents of the outputs (null where nothing flows back). */
export interface GradContext<P extends Params = Params> {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly params: P;
  readonly cotangents: readonly (Tensor | null)[];
  /** The only output's cotangent, for primitives with one output. */
  readonly ct: Tensor;
  /** Which inputs a cotangent is wanted for. */
  readonly needs: readonly boolean[];
}

export interface Primitive<P extends Params = Params> {
  readonly name: string;
  /** Each output element depends on the input elements at its own place alone. */
  readonly elementwise?: boolean;
  /** Shapes and dtypes of the outputs; throws an error that names what does not fit. */
  readonly infer: (inputs: readonly Aval[], params: P) => Aval[];
  /** Cotangents of the inputs, null where none flows; null for primitives that are constant almost everywhere. */
  readonly grad: ((context: GradContext<P>) => (Tensor | null)[]) | null;
}

const registry = new Map<string, Primitive>();

/** Adds a primitive to the closed list of docs/primitives.md. */
export function definePrimitive<P extends Params>(primitive: Primitive<P>): Primitive<P> {
  registry.set(primitive.name, primitive as unknown as Primitive);
  return primitive;
}

/** All primitives by name. */
export const primitives = (): ReadonlyMap<string, Primitive> => registry;
