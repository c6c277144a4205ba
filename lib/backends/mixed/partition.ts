/** Splits a graph between two backends: the C++ kernels run what they have, another backend ("foreign") the rest, in as few turns as the graph allows. */
import type { WireAval, WireGraph, WireNode } from '../backend.js';

/** A part of a graph that one backend runs as a whole. */
export interface Segment {
  readonly foreign: boolean;
  /** With value ids of its own. */
  readonly graph: WireGraph;
  /** For each input of the segment, and for each output, the value's id in the whole graph. */
  readonly reads: readonly number[];
  readonly writes: readonly number[];
  /** For each output the results of the whole graph that it is, none for a value that only crosses to a later segment. */
  readonly results: readonly (readonly number[])[];
}

// Cheap to make anew, and worth more to a compiler as constants than as inputs: each segment has its own.
const CONSTANT = new Set(['full', 'iota']);
const CONSTANT_IF_INPUTS_ARE = new Set(['reshape', 'broadcast', 'convert']);

/** The whole graph, with what the steps of the split ask for again and again. */
class Whole {
  readonly avals: readonly WireAval[];
  /** The node that makes each value, -1 for inputs. */
  readonly maker: readonly number[];
  /** The first value of each node. */
  readonly firstOf: readonly number[];
  /** Nodes that every segment may make for itself. */
  readonly constant: readonly boolean[];

  constructor(readonly graph: WireGraph) {
    const avals = [...graph.inputs];
    const maker = graph.inputs.map(() => -1);
    this.firstOf = graph.nodes.map((node, i) => {
      const first = avals.length;
      for (const aval of node.outputs) {
        avals.push(aval);
        maker.push(i);
      }
      return first;
    });
    this.avals = avals;
    this.maker = maker;
    const results = new Set(graph.outputs.map((id) => maker[id]!));
    const constant: boolean[] = [];
    graph.nodes.forEach(({ op, inputs }, i) => {
      const made = CONSTANT.has(op) || (CONSTANT_IF_INPUTS_ARE.has(op) && inputs.every((id) => constant[maker[id]!] === true));
      constant.push(made && !results.has(i));
    });
    this.constant = constant;
  }

  outputsOf(node: number): number[] {
    return this.graph.nodes[node]!.outputs.map((_, k) => this.firstOf[node]! + k);
  }
}

interface Turn {
  readonly foreign: boolean;
  readonly nodes: readonly number[];
}

/** Nodes in turns of one backend each: whatever is ready runs before the turn passes, so that no order has fewer turns after the same first. */
function turns(whole: Whole, foreign: readonly boolean[], first: boolean): Turn[] {
  const { graph, maker, constant } = whole;
  let waiting = graph.nodes.map((_, i) => i).filter((i) => !constant[i]);
  const done = new Set<number>();
  const isReady = (id: number): boolean => maker[id] === -1 || constant[maker[id]!]! || done.has(maker[id]!);
  const out: Turn[] = [];
  for (let side = first; waiting.length > 0; side = !side) {
    const nodes: number[] = [];
    const rest: number[] = [];
    // A node comes after those that it reads, so one pass finds all that are ready.
    for (const i of waiting) {
      if (foreign[i] === side && graph.nodes[i]!.inputs.every(isReady)) {
        done.add(i);
        nodes.push(i);
      } else {
        rest.push(i);
      }
    }
    waiting = rest;
    if (nodes.length > 0) out.push({ foreign: side, nodes });
  }
  return out;
}

/** The same turns, but that native nodes wait for those that read them, so that they are compiled together: half an optimizer's update fuses with nothing. */
function postponed(whole: Whole, order: readonly Turn[]): Turn[] {
  const { graph, maker } = whole;
  const at = new Map(order.flatMap((turn, t) => turn.nodes.map((i) => [i, t] as const)));
  const firstReader = graph.nodes.map(() => Infinity);
  const nodes: number[][] = order.map(() => []);
  for (let i = graph.nodes.length - 1; i >= 0; i--) {
    let t = at.get(i);
    if (t === undefined) continue;
    const native = !order[t]!.foreign;
    // Results that nobody reads stay where they are ready.
    if (native && firstReader[i] !== Infinity) t = order.findLastIndex((turn, k) => !turn.foreign && k <= firstReader[i]!);
    nodes[t]!.unshift(i);
    for (const id of graph.nodes[i]!.inputs) if (maker[id] !== -1) firstReader[maker[id]!] = Math.min(firstReader[maker[id]!]!, t);
  }
  return order.map(({ foreign }, t) => ({ foreign, nodes: nodes[t]! })).filter((turn) => turn.nodes.length > 0);
}

/** The nodes with the constants that they read, in order. */
function withConstants(whole: Whole, nodes: readonly number[]): number[] {
  const all = new Set<number>();
  const add = (node: number): void => {
    if (all.has(node)) return;
    all.add(node);
    for (const id of whole.graph.nodes[node]!.inputs) if (whole.maker[id]! >= 0 && whole.constant[whole.maker[id]!]) add(whole.maker[id]!);
  };
  nodes.forEach(add);
  return [...all].sort((a, b) => a - b);
}

/**
 * Splits `graph`: nodes for which `isNative` holds into native segments, the others into foreign ones. Running the segments in order gives what the graph
 * gives. A donated input is donated to the segment that reads it last, if that is native.
 */
export function partition(graph: WireGraph, isNative: (node: WireNode) => boolean): Segment[] {
  const whole = new Whole(graph);
  const foreign = graph.nodes.map((node) => !isNative(node));
  const orders = [turns(whole, foreign, false), turns(whole, foreign, true)] as const;
  const order = postponed(whole, orders[1].length < orders[0].length ? orders[1] : orders[0]);
  // Inputs that come out as they are need a segment that copies them.
  const passed = graph.outputs.filter((id) => id < graph.inputs.length);
  if (passed.length > 0 && order.every((turn) => turn.foreign)) order.push({ foreign: false, nodes: [] });
  const passing = order.findLastIndex((turn) => !turn.foreign);

  const lastRead = new Map<number, number>();
  const readsOf = order.map((turn, at) => {
    const nodes = withConstants(whole, turn.nodes);
    const own = new Set(nodes.flatMap((i) => whole.outputsOf(i)));
    const read = nodes.flatMap((i) => [...graph.nodes[i]!.inputs]).concat(at === passing ? passed : []);
    const reads = [...new Set(read.filter((id) => !own.has(id)))];
    reads.forEach((id) => lastRead.set(id, at));
    return { nodes, reads };
  });
  const crossing = new Set(readsOf.flatMap(({ reads }) => reads));
  const foreignMade = new Set(order.filter((turn) => turn.foreign).flatMap((turn) => turn.nodes));
  const donated = new Set(graph.donated);
  const results = new Set(graph.outputs);

  return order.map(({ foreign, nodes: own }, at): Segment => {
    const { nodes, reads } = readsOf[at]!;
    const made = [...own.flatMap((i) => whole.outputsOf(i)), ...(at === passing ? new Set(passed) : [])];
    const writes: number[] = [];
    const resultsOf: number[][] = [];
    for (const id of made) {
      const slots = graph.outputs.flatMap((o, k) => (o === id ? [k] : []));
      const add = (of: number[]): void => {
        writes.push(id);
        resultsOf.push(of);
      };
      for (const k of slots) add([k]); // two results are two arrays, even of one value
      if (slots.length === 0 && crossing.has(id)) add([]);
    }
    const local = new Map(reads.map((id, i) => [id, i]));
    for (const i of nodes) for (const id of whole.outputsOf(i)) local.set(id, local.size);
    const dies = (id: number): boolean =>
      lastRead.get(id) === at && !results.has(id) && (donated.has(id) || foreignMade.has(whole.maker[id]!));
    return {
      foreign,
      reads,
      writes,
      results: resultsOf,
      graph: {
        inputs: reads.map((id) => whole.avals[id]!),
        nodes: nodes.map((i) => ({ ...graph.nodes[i]!, inputs: graph.nodes[i]!.inputs.map((id) => local.get(id)!) })),
        outputs: writes.map((id) => local.get(id)!),
        donated: foreign ? [] : reads.flatMap((id, i) => (dies(id) ? [i] : [])),
      },
    };
  });
}
