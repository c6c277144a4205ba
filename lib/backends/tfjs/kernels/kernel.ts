/** What a primitive's lowering is made of. */
import type { WireAval, WireParams } from '../../backend.js';
import type { Builder, Value } from '../graph.js';

export interface NodeTypes {
  readonly params: WireParams;
  readonly inputs: readonly WireAval[];
  readonly outputs: readonly WireAval[];
}

/** Builds the operations of one primitive. */
export type Lowering = (b: Builder, inputs: readonly Value[], node: NodeTypes) => readonly Value[];

export interface Kernel {
  /** True if inputs may come in shapes that have yet to be broadcast, and outputs may be left so. */
  readonly broadcasts: boolean;
  readonly lower: Lowering;
}

export type Kernels = Readonly<Record<string, Kernel>>;

/** A primitive whose inputs come in their full shapes. */
export const whole = (lower: Lowering): Kernel => ({ broadcasts: false, lower });

/** One that works on inputs that have yet to be broadcast, with a single output. */
export const spread = (lower: (b: Builder, inputs: readonly Value[], node: NodeTypes) => Value): Kernel => ({
  broadcasts: true,
  lower: (b, inputs, node) => [lower(b, inputs, node)],
});

export const list = (params: WireParams, name: string): readonly number[] => params[name] as readonly number[];
export const number = (params: WireParams, name: string): number => params[name] as number;
export const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
