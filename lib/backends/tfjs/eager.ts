/** Runs a program operation by operation: all that can be known before is prepared once, and a tensor is deleted as soon as its last reader has run. */
import { BackendError } from '../../core/errors.js';
import type { Attributes, Op, TfGraph, Value } from './graph.js';
import { TF_TYPES, type Binding, type BindingAttribute } from './load.js';
import type { Runner } from './runner.js';

/** An operation with the slots that its operands are in. */
interface Step {
  readonly name: string;
  readonly attributes: readonly BindingAttribute[];
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** Slots that nobody reads after this step. */
  readonly dead: readonly number[];
  readonly origin: string;
}

// Attributes that TensorFlow infers from the operands when it runs an operation alone.
const INFERRED = new Set(['T', 'Tidx', 'Tshape', 'Tperm', 'Tparams', 'Tindices', 'Taxis', 'Tpaddings', 'SrcT', 'Index', 'Tlabels']);

function bindingAttributes(binding: Binding, attributes: Attributes): BindingAttribute[] {
  const out: BindingAttribute[] = [];
  for (const [name, attribute] of Object.entries(attributes)) {
    if (attribute.kind === 'type') {
      // Of a list of operands nothing is inferred.
      if (!INFERRED.has(name) || 'N' in attributes) out.push({ name, type: binding.TF_ATTR_TYPE, value: TF_TYPES[attribute.value] });
      continue;
    }
    const types = { int: binding.TF_ATTR_INT, ints: binding.TF_ATTR_INT, float: binding.TF_ATTR_FLOAT, bool: binding.TF_ATTR_BOOL, string: binding.TF_ATTR_STRING }; // prettier-ignore
    out.push({ name, type: types[attribute.kind], value: attribute.value });
  }
  return out;
}

export class EagerRunner implements Runner {
  private readonly steps: readonly Step[];
  /** One entry a value: a tensor while it is alive, else -1. */
  private readonly slots: number[];
  private readonly outputs: readonly number[];
  private readonly inputs: readonly number[];

  constructor(
    private readonly binding: Binding,
    graph: TfGraph,
  ) {
    this.slots = new Array<number>(graph.sources.length).fill(-1);
    this.inputs = graph.inputs.map((v) => v.id);
    this.outputs = graph.outputs.map((v) => v.id);
    const later = this.prepare(graph);
    this.steps = this.schedule(graph, later);
  }

  /** Makes the constants, runs what depends on nothing else, and returns what is left to run. */
  private prepare(graph: TfGraph): Op[] {
    const { slots, binding } = this;
    const kept = new Set<number>();
    const isConstant = (v: Value): boolean => graph.sources[v.id]!.from === 'constant' || kept.has(v.id);
    const make = (v: Value): void => {
      const source = graph.sources[v.id]!;
      if (slots[v.id] === -1 && source.from === 'constant') slots[v.id] = binding.createTensor(v.shape, TF_TYPES[v.type], source.data);
    };
    const outputs = new Set(this.outputs);
    const later: Op[] = [];
    for (const op of graph.ops) {
      op.inputs.forEach(make);
      if (!op.inputs.every(isConstant) || op.outputs.some((v) => outputs.has(v.id))) {
        later.push(op);
        continue;
      }
      this.step({ name: op.name, attributes: bindingAttributes(binding, op.attributes), reads: op.inputs.map((v) => v.id), writes: op.outputs.map((v) => v.id), dead: [], origin: op.origin }); // prettier-ignore
      op.outputs.forEach((v) => kept.add(v.id));
    }
    // Constants that only served to make others.
    const read = new Set(later.flatMap((op) => op.inputs.map((v) => v.id)));
    slots.forEach((id, slot) => {
      if (id !== -1 && !read.has(slot)) this.delete(slot);
    });
    return later;
  }

  private schedule(graph: TfGraph, ops: readonly Op[]): Step[] {
    const permanent = new Set<number>([...this.inputs, ...this.outputs]);
    this.slots.forEach((id, slot) => id !== -1 && permanent.add(slot));
    const lastRead = new Map<number, number>();
    ops.forEach((op, at) => op.inputs.forEach((v) => lastRead.set(v.id, at)));
    return ops.map((op, at): Step => {
      const own = [...new Set([...op.inputs, ...op.outputs].map((v) => v.id))];
      return {
        name: op.name,
        attributes: bindingAttributes(this.binding, op.attributes),
        reads: op.inputs.map((v) => v.id),
        writes: op.outputs.map((v) => v.id),
        dead: own.filter((id) => !permanent.has(id) && (lastRead.get(id) ?? at) === at),
        origin: op.origin,
      };
    });
  }

  run(inputs: readonly number[]): number[] {
    const { slots, steps } = this;
    for (let i = 0; i < inputs.length; i++) slots[this.inputs[i]!] = inputs[i]!;
    let at = 0;
    try {
      for (; at < steps.length; at++) this.step(steps[at]!);
      const results = this.outputs.map((slot) => slots[slot]!);
      this.forget();
      return results;
    } catch (cause) {
      this.abandon(at);
      throw cause;
    }
  }

  /** Between runs only the constants have tensors. */
  dispose(): void {
    this.slots.forEach((id, slot) => {
      if (id !== -1) this.delete(slot);
    });
  }

  private step(step: Step): void {
    const { binding, slots } = this;
    const { reads, writes, dead } = step;
    const operands = new Array<number>(reads.length);
    for (let i = 0; i < reads.length; i++) operands[i] = slots[reads[i]!]!;
    let results;
    try {
      results = binding.executeOp(step.name, step.attributes, operands, writes.length);
    } catch (cause) {
      throw new BackendError(`tfjs-node failed at ${step.origin}, operation ${step.name}: ${(cause as Error).message}`, { cause });
    }
    for (let i = 0; i < writes.length; i++) slots[writes[i]!] = results[i]!.id;
    for (let i = 0; i < dead.length; i++) {
      binding.deleteTensor(slots[dead[i]!]!);
      slots[dead[i]!] = -1;
    }
  }

  /** Lets go of inputs and outputs, which are the caller's. */
  private forget(): void {
    for (const slot of this.inputs) this.slots[slot] = -1;
    for (const slot of this.outputs) this.slots[slot] = -1;
  }

  /** Deletes what a run that failed at a step left behind. */
  private abandon(at: number): void {
    for (const slot of this.inputs) this.slots[slot] = -1;
    for (const step of this.steps.slice(0, at)) for (const slot of step.writes) if (this.slots[slot] !== -1) this.delete(slot);
  }

  private delete(slot: number): void {
    this.binding.deleteTensor(this.slots[slot]!);
    this.slots[slot] = -1;
  }
}
