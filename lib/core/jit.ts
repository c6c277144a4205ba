/** jit: a function is traced once for each kind of arguments, compiled as a whole, and then runs as one native call. */
import type { Buffer, Executable, WireGraph } from '../backends/backend.js';
import { currentBackend } from '../backends/select.js';
import { fromNumbers, fromTypedArray } from './array.js';
import { Aval } from './aval.js';
import { vjp } from './autodiff.js';
import { typeOfNumber } from './dtype.js';
import { ArgumentError, DonatedError } from './errors.js';
import { checkOptions } from './options.js';
import { zerosLike } from './primitives/index.js';
import { isRecording, record } from './tape.js';
import { Tensor } from './tensor.js';
import { currentTrace, formatWire, toWire, withTrace } from './trace.js';
import * as tree from './tree.js';

/** What `jit` can be told. */
export interface JitOptions {
  /** Positions of arguments whose memory the results may take over; their tensors must not be used afterwards. */
  donate?: readonly number[];
  /** The name in messages; default the function's own. */
  name?: string;
}

/** A compiled function's program, to look at. */
export interface Lowered {
  /**
   * The graph of primitives, and the program that the backend made of it.
   * @example console.log(jit((x: Tensor) => x.add(1), { name: 'next' }).lower(np.ones([2])).asText());
   * // graph of next … add … program …
   */
  asText(): string;
}

/** A compiled function: called as the original is. */
export interface Jitted<A extends unknown[], R> {
  (...args: A): R;
  /**
   * Traces and compiles for these arguments without running.
   * @example
   * const f = jit((x: Tensor) => x.add(1));
   * f.lower(np.ones([2]));
   * f.cacheSize(); // => 1
   */
  lower(...args: A): Lowered;
  /**
   * How many programs are kept: one for each structure, shapes, dtypes and static values of the arguments.
   * @example
   * const f = jit((x: Tensor) => x.add(1));
   * [f(np.ones([2])), f(np.zeros([2])), f(np.ones([3]))].length; // => 3
   * f.cacheSize(); // => 2
   */
  cacheSize(): number;
}

// What a numeric JavaScript argument is keyed by: its weak type, not its value, so that a changing learning rate does not recompile.
const WEAK_INT = Aval.of([], 'int32', true);
const WEAK_FLOAT = Aval.of([], 'float32', true);
const numberAval = (value: number): Aval => (typeOfNumber(value).dtype === 'int32' ? WEAK_INT : WEAK_FLOAT);

// A static argument that is new at each call must not fill the memory.
const MOST_PROGRAMS = 1024;

/** How an output leaf comes about: from the program, unchanged from an argument, or a value known when tracing. */
type OutputPlan = { from: 'program'; index: number; aval: Aval } | { from: 'argument'; leaf: number } | { from: 'trace'; value: unknown };

/** One compiled specialisation. */
interface Entry {
  readonly backend: object;
  readonly args: tree.TreeDef;
  /** Per argument leaf: the type of a tensor or number, or the static value itself. */
  readonly keys: readonly unknown[];
  readonly outputs: tree.TreeDef;
  readonly plan: readonly OutputPlan[];
  readonly program: Executable | null;
  readonly graph: WireGraph;
  /** Argument leaves that the program reads, in its order; `captures` follow. */
  readonly reads: readonly number[];
  /** Argument leaves that die. */
  readonly donated: readonly number[];
  readonly captures: readonly Tensor[];
  /** The same without donation, made when first needed. */
  keeping: Entry | null;
  /** The jitted pullback, made when first needed. */
  pullback: ((leaves: unknown[], cotangents: Tensor[]) => (Tensor | null)[]) | null;
}

/**
 * Compiles `f`. Tensors and numbers in the arguments (any trees) are traced; booleans, strings, functions and other objects are static and part of the cache
 * key, as are tree structures, shapes and dtypes; the 1,024 programs used last are kept. `f` must be pure and synchronous. Results are tensors whose numbers may still be under way. As jax.jit.
 * @example
 * const step = jit((w: Tensor, rate: number) => w.sub(w.mul(rate)), { donate: [0] });
 * const before = np.array([1, 2]);
 * step(before, 0.5); // => Tensor float32[2] [0.5, 1]
 * before.dataSync(); // throws DonatedError: tensor was donated to …
 * step(np.ones([2]), 0.1); // => Tensor float32[2] [0.9, 0.9]
 * step.cacheSize(); // => 1
 */
export function jit<A extends unknown[], R>(f: (...args: A) => R, options: JitOptions = {}): Jitted<A, R> {
  if (typeof f !== 'function') throw new ArgumentError(`jit needs a function, got ${String(f)}`);
  checkOptions('jit', options, { donate: true, name: true });
  const name = options.name ?? (f.name || 'a jitted function');
  const donate = options.donate ?? [];
  if (!Array.isArray(donate))
    throw new ArgumentError(`donate of ${name} is a list of positions, as in { donate: [0] }, got ${String(donate)}`);
  for (const d of donate as number[]) {
    if (!Number.isInteger(d) || d < 0) throw new ArgumentError(`donate of ${name} lists positions of arguments, got ${d}`);
  }
  const entries: Entry[] = []; // most recently used first
  let scratch: unknown[] = [];

  const find = (args: A): [Entry, unknown[]] => {
    const leaves = scratch;
    scratch = []; // a nested call must not share it
    const backend = currentBackend();
    for (let e = 0; e < entries.length; e++) {
      const entry = entries[e]!;
      leaves.length = 0;
      if (entry.backend === backend && entry.args.collect(args, leaves) && matches(entry.keys, leaves)) {
        if (e > 0) {
          entries.splice(e, 1);
          entries.unshift(entry);
        }
        return [entry, leaves];
      }
    }
    const [fresh, def] = tree.flatten(args);
    toTensors(fresh);
    const entry = trace(f as (...a: unknown[]) => unknown, name, def, fresh, donatedLeaves(args, donate, name));
    if (!entry.captures.some((t) => t.origin !== null)) entries.unshift(entry);
    if (entries.length > MOST_PROGRAMS) entries.pop();
    return [entry, fresh];
  };

  const call = (...args: A): R => {
    if (currentTrace() !== null) return f(...args);
    const [entry, leaves] = find(args);
    if (isRecording()) {
      if (entry.captures.some((t) => t.origin !== null)) return f(...args);
      return recordedCall(entry, leaves, f as (...a: unknown[]) => unknown, name) as R;
    }
    const result = run(entry, leaves, name);
    scratch = leaves;
    return result as R;
  };

  return Object.assign(call, {
    lower: (...args: A): Lowered => {
      const [entry] = find(args);
      return {
        asText: () => `graph of ${name}\n${formatWire(entry.graph)}\n\nprogram\n${entry.program?.text() ?? '(nothing to compute)'}\n`,
      };
    },
    cacheSize: () => entries.length,
  });
}

function matches(keys: readonly unknown[], leaves: unknown[]): boolean {
  for (let i = 0; i < keys.length; i++) {
    const leaf = leaves[i];
    const key = keys[i];
    if (leaf instanceof Tensor) {
      if (leaf.aval !== key && !(key instanceof Aval && sameAval(leaf.aval, key))) return false;
    } else if (typeof leaf === 'number') {
      if (numberAval(leaf) !== key) return false;
    } else if (ArrayBuffer.isView(leaf)) {
      leaves[i--] = fromTypedArray(leaf); // and look at it again
    } else if (!Object.is(leaf, key)) {
      return false;
    }
  }
  return true;
}

const sameAval = (a: Aval, b: Aval): boolean => a.dtype === b.dtype && a.weak === b.weak && a.shape.join() === b.shape.join();

function toTensors(leaves: unknown[]): void {
  leaves.forEach((leaf, i) => {
    if (ArrayBuffer.isView(leaf)) leaves[i] = fromTypedArray(leaf);
  });
}

/** The leaf numbers of the donated arguments. */
function donatedLeaves(args: readonly unknown[], donate: readonly number[], name: string): number[] {
  const out: number[] = [];
  let at = 0;
  args.forEach((arg, i) => {
    const n = tree.structure(arg).leafCount;
    if (donate.includes(i)) for (let k = 0; k < n; k++) out.push(at + k);
    at += n;
  });
  for (const d of donate)
    if (d >= args.length) throw new ArgumentError(`donate of ${name} names argument ${d}, but it was called with ${args.length}`);
  return out;
}

function trace(
  f: (...args: unknown[]) => unknown,
  name: string,
  args: tree.TreeDef,
  leaves: readonly unknown[],
  donatable: readonly number[],
): Entry {
  return withTrace(name, (t) => {
    const keys = leaves.map((leaf) => (leaf instanceof Tensor ? leaf.aval : typeof leaf === 'number' ? numberAval(leaf) : leaf));
    const leafOf: number[] = []; // of each graph argument
    const traced = leaves.map((leaf, i) => {
      if (!(leaf instanceof Tensor) && typeof leaf !== 'number') return leaf;
      leafOf.push(i);
      return t.argument(keys[i] as Aval);
    });
    const result = f(...(tree.unflatten(args, traced) as unknown[]));
    if (result instanceof Promise) {
      result.catch(() => {}); // it can only fail on traced values now
      throw new ArgumentError(
        `${name} is async: a jitted function must be synchronous, since it is traced once and not run again; await the results outside`,
      );
    }
    const [outLeaves, outputs] = tree.flatten(result);
    const outIds: number[] = [];
    const plan = outLeaves.map((leaf): OutputPlan => {
      if (!(leaf instanceof Tensor) || (leaf.buffer !== null && leaf.origin === null)) return { from: 'trace', value: leaf };
      const id = t.idOf(leaf);
      if (id < leafOf.length) {
        const at = leafOf[id]!;
        if (typeof leaves[at] !== 'number') return { from: 'argument', leaf: at };
      }
      if (!outIds.includes(id)) outIds.push(id);
      return { from: 'program', index: outIds.indexOf(id), aval: t.avals[id]! };
    });
    // An argument that comes back as it is keeps its memory.
    const returned = new Set(plan.flatMap((p) => (p.from === 'argument' ? [p.leaf] : [])));
    const donated = donatable.filter((leaf) => leaves[leaf] instanceof Tensor && !returned.has(leaf));
    const used = new Set(t.nodes.flatMap((n) => n.inputs).concat(outIds));
    const argIds = leafOf.map((_, id) => id).filter((id) => used.has(id) || donated.includes(leafOf[id]!));
    const reads = argIds.map((id) => leafOf[id]!);
    const graph = toWire(
      t,
      argIds,
      outIds,
      reads.flatMap((leaf, i) => (donated.includes(leaf) ? [i] : [])),
    );
    const backend = currentBackend();
    return {
      backend,
      args,
      keys,
      outputs,
      plan,
      program: outIds.length === 0 ? null : backend.compile(graph),
      graph,
      reads,
      donated,
      captures: t.captures.map((c) => c.tensor),
      keeping: null,
      pullback: null,
    };
  });
}

function run(entry: Entry, leaves: readonly unknown[], name: string): unknown {
  const { reads, captures, donated, plan } = entry;
  const buffers: Buffer[] = new Array(reads.length + captures.length) as Buffer[];
  for (let i = 0; i < reads.length; i++) {
    const leaf = leaves[reads[i]!];
    buffers[i] = typeof leaf === 'number' ? fromNumbers([leaf], numberAval(leaf)).buffer! : inputBuffer(leaf as Tensor, name);
  }
  for (let i = 0; i < captures.length; i++) buffers[reads.length + i] = inputBuffer(captures[i]!, name);
  markDonated(leaves, entry, buffers, name);
  let results: Buffer[] = [];
  try {
    if (entry.program !== null) results = entry.program.run(buffers);
  } catch (error) {
    for (const i of donated) (leaves[i] as Tensor).buffer!.donatedTo = null; // nothing ran
    throw error;
  }
  const out: unknown[] = new Array(plan.length) as unknown[];
  for (let i = 0; i < plan.length; i++) {
    const p = plan[i]!;
    if (p.from === 'program') out[i] = Tensor.concrete(p.aval, results[p.index]!);
    else if (p.from === 'argument') out[i] = (leaves[p.leaf] as Tensor).withOrigin(null);
    else out[i] = p.value;
  }
  return entry.outputs.build(out, { at: 0 });
}

function inputBuffer(tensor: Tensor, name: string): Buffer {
  const buffer = tensor.buffer;
  if (buffer === null) tensor.variable!.trace.check(tensor);
  return buffer !== null && buffer.donatedTo === null ? buffer : tensor.live(name);
}

/** Marks the donated buffers as dead; one that is used a second time in the same call is an error. */
function markDonated(leaves: readonly unknown[], { donated, plan }: Entry, buffers: readonly Buffer[], name: string): void {
  if (donated.length === 0) return;
  for (let i = 0; i < donated.length; i++) {
    const buffer = (leaves[donated[i]!] as Tensor).buffer!;
    if (buffer.donatedTo !== null) fail(i, leaves, donated, name, 'two donated arguments are the same tensor');
    buffer.donatedTo = name;
  }
  let dead = 0;
  for (let i = 0; i < buffers.length; i++) if (buffers[i]!.donatedTo !== null) dead++;
  // Every donated leaf stands once in `buffers`; more dead ones are others that share its memory.
  if (dead > donated.length)
    fail(donated.length, leaves, donated, name, 'a donated tensor is also an argument that is not donated, or is captured from outside');
  for (const p of plan) {
    const kept = p.from === 'argument' ? leaves[p.leaf] : p.from === 'trace' ? p.value : null;
    if (kept instanceof Tensor && kept.buffer!.donatedTo !== null)
      fail(donated.length, leaves, donated, name, 'a donated tensor comes back unchanged through another argument or from outside');
  }
}

function fail(marked: number, leaves: readonly unknown[], donated: readonly number[], name: string, what: string): never {
  for (let i = 0; i < marked; i++) (leaves[donated[i]!] as Tensor).buffer!.donatedTo = null;
  throw new DonatedError(`${name} cannot donate: ${what}. Pass a copy, or leave the argument out of donate`);
}

/** A call under differentiation: the program runs as ever, and the tape gets one node whose pullback is a jitted program too. */
function recordedCall(entry: Entry, leaves: readonly unknown[], f: (...args: unknown[]) => unknown, name: string): unknown {
  const at = leaves.flatMap((leaf, i) => (leaf instanceof Tensor ? [i] : []));
  const inputs = at.map((i) => leaves[i] as Tensor);
  const plain = leaves.map((leaf) => (leaf instanceof Tensor ? leaf.withOrigin(null) : leaf));
  const result = run(entry.donated.length > 0 ? undonated(entry) : entry, plain, name);
  const [outLeaves, outDef] = tree.flatten(result);
  const outAt = outLeaves.flatMap((leaf, i) => (leaf instanceof Tensor && entry.plan[i]!.from !== 'trace' ? [i] : []));
  const rule = {
    name,
    grad: ({ outputs, cotangents }: { outputs: readonly Tensor[]; cotangents: readonly (Tensor | null)[] }): (Tensor | null)[] => {
      entry.pullback ??= makePullback(entry, f, outAt, name);
      const grads = entry.pullback(
        [...leaves],
        cotangents.map((ct, i) => ct ?? zerosLike(outputs[i]!)),
      );
      return at.map((i) => grads[i]!);
    },
  };
  const recorded = record(
    rule,
    inputs,
    outAt.map((i) => outLeaves[i] as Tensor),
    {},
  );
  outAt.forEach((i, k) => (outLeaves[i] = recorded[k]!));
  return tree.unflatten(outDef, outLeaves);
}

// The pullback needs the arguments later, so under differentiation nothing is donated.
function undonated(entry: Entry): Entry {
  entry.keeping ??= { ...entry, donated: [], program: entry.program && currentBackend().compile({ ...entry.graph, donated: [] }) };
  return entry.keeping;
}

// Runs the function again and pulls the cotangents through it, as one program.
function makePullback(entry: Entry, f: (...args: unknown[]) => unknown, outAt: readonly number[], name: string) {
  return jit(
    (leaves: unknown[], cotangents: Tensor[]): (Tensor | null)[] => {
      const selected = (inputs: unknown[]): Tensor[] => {
        const outs = tree.leaves(f(...(tree.unflatten(entry.args, inputs) as unknown[])));
        return outAt.map((i) => outs[i] as Tensor);
      };
      const [, back] = vjp(selected, leaves);
      return back(cotangents)[0] as (Tensor | null)[];
    },
    { name: `the gradient of ${name}` },
  );
}
