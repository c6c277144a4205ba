/** Tracing: a function run on variables instead of numbers leaves a graph of primitives behind. */
import type { WireGraph, WireNode } from '../backends/backend.js';
import { Aval } from './aval.js';
import { LeakedTracerError } from './errors.js';
import type { Params, Primitive } from './primitive.js';
import { Tensor } from './tensor.js';

export interface GraphNode {
  readonly primitive: Primitive;
  readonly inputs: readonly number[];
  readonly params: Params;
  readonly outputs: readonly number[];
}

/** An axis of examples that vmap has given a name. */
export interface NamedAxis {
  readonly name: string;
  readonly size: number;
}

/**
 * A graph under construction. Values are numbered: arguments first, then captures (tensors from outside) and node outputs as they come.
 * Everything bound while a trace is open is appended, so that tracing runs no kernel.
 */
export class Trace {
  readonly avals: Aval[] = [];
  readonly nodes: GraphNode[] = [];
  /** Values from outside the traced function, with the ids they have inside. */
  readonly captures: { readonly tensor: Tensor; readonly id: number }[] = [];
  private readonly captured = new Map<unknown, number>();
  private closed = false;

  constructor(
    /** The traced function's name, for messages. */
    readonly name: string,
    readonly parent: Trace | null,
    /** The axis that a vmap names, over whose examples collectives inside may work. */
    readonly axis: NamedAxis | null = null,
  ) {}

  argument(aval: Aval): Tensor {
    return this.variable(aval);
  }

  append(primitive: Primitive, inputs: readonly Tensor[], params: Params, avals: readonly Aval[]): Tensor[] {
    const ids = inputs.map((t) => this.idOf(t));
    const outputs = avals.map((a) => this.variable(a));
    this.nodes.push({ primitive, inputs: ids, params, outputs: outputs.map((t) => t.variable!.id) });
    return outputs;
  }

  /** The id of a value inside this graph; one from outside becomes a capture. */
  idOf(tensor: Tensor): number {
    const v = tensor.variable;
    if (v !== null && v.trace === this) return v.id;
    if (v !== null) v.trace.check(tensor);
    const live = v ?? tensor.live(`a use inside ${this.name}`);
    const key = tensor.origin ?? live; // two identities of one value, one of them differentiated, are two captures
    let id = this.captured.get(key);
    if (id === undefined) {
      id = this.variable(tensor.aval).variable!.id;
      this.captured.set(key, id);
      this.captures.push({ tensor, id });
    }
    return id;
  }

  /** Throws if `tensor` belongs to a function whose tracing is over. */
  check(tensor: Tensor): void {
    if (!this.closed) return;
    throw new LeakedTracerError(
      `${tensor} was made while ${this.name} was traced and outlived it: return it from the function instead of storing it outside`,
    );
  }

  close(): void {
    this.closed = true;
  }

  private variable(aval: Aval): Tensor {
    this.avals.push(aval);
    return new Tensor(aval, null, { trace: this, id: this.avals.length - 1 }, null);
  }
}

let current: Trace | null = null;

/** The innermost open trace, or null when operations run at once. */
export const currentTrace = (): Trace | null => current;

/** Runs `f` with a new trace open; the trace is closed when `f` returns or throws. */
export function withTrace<T>(name: string, f: (trace: Trace) => T, axis: NamedAxis | null = null): T {
  const trace = new Trace(name, current, axis);
  current = trace;
  try {
    return f(trace);
  } finally {
    current = trace.parent;
    trace.close();
  }
}

/** The innermost axis of this name whose examples are being traced, or null. */
export function namedAxis(name: string): NamedAxis | null {
  for (let trace = current; trace !== null; trace = trace.parent) if (trace.axis?.name === name) return trace.axis;
  return null;
}

/** A graph in wire form, from a trace: arguments, then captures, as inputs; only nodes that `outputs` need. */
export function toWire(trace: Trace, args: readonly number[], outputs: readonly number[], donated: readonly number[]): WireGraph {
  const needed = new Set(outputs);
  const live: GraphNode[] = [];
  for (let i = trace.nodes.length - 1; i >= 0; i--) {
    const node = trace.nodes[i]!;
    if (!node.outputs.some((o) => needed.has(o))) continue;
    node.inputs.forEach((v) => needed.add(v));
    live.push(node);
  }
  live.reverse();
  const inputs = [...args, ...trace.captures.map((c) => c.id)];
  const wireId = new Map(inputs.map((id, i) => [id, i]));
  const wireAval = (id: number) => ({ shape: trace.avals[id]!.shape, dtype: trace.avals[id]!.dtype });
  const nodes = live.map((node): WireNode => {
    const ids = node.inputs.map((v) => wireId.get(v)!);
    for (const o of node.outputs) wireId.set(o, wireId.size);
    return { op: node.primitive.name, inputs: ids, params: node.params, outputs: node.outputs.map(wireAval) };
  });
  return { inputs: inputs.map(wireAval), nodes, outputs: outputs.map((o) => wireId.get(o)!), donated };
}

/** The graph for people: one line a node. */
export function formatWire(graph: WireGraph): string {
  let next = 0;
  const name = (a: { shape: readonly number[]; dtype: string }) => `%${next++}: ${a.dtype}[${a.shape.join(', ')}]`;
  const lines = [`inputs  ${graph.inputs.map(name).join('  ')}`];
  for (const node of graph.nodes) {
    const params = Object.entries(node.params).map(([k, v]) => `${k}=${Array.isArray(v) ? `[${v.join(', ')}]` : String(v as number)}`);
    lines.push(`${node.outputs.map(name).join('  ')} = ${[node.op, ...node.inputs.map((i) => `%${i}`), ...params].join(' ')}`);
  }
  lines.push(`outputs ${graph.outputs.map((o) => `%${o}`).join('  ')}`);
  return lines.join('\n');
}
