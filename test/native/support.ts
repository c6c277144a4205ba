/** What the tests of the bare addon share: loading it, and building small graphs. */
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Addon, DType, Program, WireArray, WireAval, WireGraph, WireNode, WireParams } from '../../typings/addon.js';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const addon = (createRequire(import.meta.url)('node-gyp-build') as (dir: string) => Addon)(root);

const classes = { float32: Float32Array, int32: Int32Array, uint32: Uint32Array, bool: Uint8Array };

export const aval = (shape: number[], dtype: DType = 'float32'): WireAval => ({ shape, dtype });
export const size = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);
export const zeros = (a: WireAval): WireArray => new classes[a.dtype](size(a.shape));
export const floats = (...values: number[]): Float32Array => new Float32Array(values);

/** Builds a graph by naming values instead of counting them. */
export class GraphBuilder {
  private readonly avals: WireAval[] = [];
  private readonly nodes: WireNode[] = [];
  private inputs = 0;

  input(shape: number[], dtype: DType = 'float32'): number {
    this.inputs++;
    return this.avals.push(aval(shape, dtype)) - 1;
  }

  node(op: string, inputs: number[], params: WireParams, ...outputs: WireAval[]): number {
    this.nodes.push({ op, inputs, params, outputs });
    this.avals.push(...outputs);
    return this.avals.length - outputs.length;
  }

  /** An elementwise node. */
  map(op: string, ...inputs: number[]): number {
    return this.node(op, inputs, {}, this.avals[inputs[0]!]!);
  }

  graph(outputs: number[], donated: number[] = []): WireGraph {
    return { inputs: this.avals.slice(0, this.inputs), nodes: this.nodes, outputs, donated };
  }

  outputAvals(graph: WireGraph): WireAval[] {
    return graph.outputs.map((o) => this.avals[o]!);
  }
}

export const outputAvals = (graph: WireGraph): WireAval[] => {
  const avals = [...graph.inputs, ...graph.nodes.flatMap((n) => n.outputs)];
  return graph.outputs.map((o) => avals[o]!);
};

/** Runs a program on typed arrays, which stay as they are meanwhile; an output with an alias is not looked at. */
export function run(program: Program, inputs: readonly WireArray[], outputs: readonly WireArray[], after?: readonly number[]): number {
  const arrays = [...inputs, ...outputs.filter((_, k) => program.aliases[k]! < 0)];
  const memory = [...new Set(arrays.map((a) => a.buffer as ArrayBuffer))];
  const places = new Uint32Array(arrays.flatMap((a) => [memory.indexOf(a.buffer as ArrayBuffer), a.byteOffset]));
  return addon.run(program, memory, places, after, true);
}

/** The arrays that a run of the program writes: fresh, or the inputs that outputs take over. */
export const outputArrays = (program: Program, graph: WireGraph, inputs: WireArray[]): WireArray[] =>
  outputAvals(graph).map((a, k) => {
    const alias = program.aliases[k]!;
    return alias >= 0 ? inputs[alias]! : zeros(a);
  });

/** Compiles, runs, waits; returns the outputs. */
export function evaluate(graph: WireGraph, inputs: WireArray[]): WireArray[] {
  const program = addon.compile(graph);
  const outputs = outputArrays(program, graph, inputs);
  addon.wait(run(program, inputs, outputs));
  return outputs;
}

/** x -> x * w, `steps` times, on n x n matrices: slow enough for the queue. */
export function slowGraph(n: number, steps: number, donated: number[] = []): WireGraph {
  const b = new GraphBuilder();
  const x = b.input([n, n]);
  const w = b.input([n, n]);
  let y = x;
  for (let i = 0; i < steps; i++) y = b.node('dense', [y, w], {}, aval([n, n]));
  return b.graph([y], donated);
}

/** A matrix that, as a factor, doubles. */
export function doubling(n: number): Float32Array {
  const w = new Float32Array(n * n);
  for (let i = 0; i < n; i++) w[i * n + i] = 2;
  return w;
}

/** The first lines of a script that uses the addon; its programs have no aliases. */
export const loadAddon = `const addon = require(${JSON.stringify(root + 'node_modules/node-gyp-build')})(${JSON.stringify(root)});
  const run = (program, inputs, outputs, after) => {
    const arrays = [...inputs, ...outputs];
    return addon.run(program, arrays.map((a) => a.buffer), new Uint32Array(arrays.flatMap((a, i) => [i, a.byteOffset])), after, true);
  };
`;

/** Runs a CommonJS script in a process of its own. */
// A build with sanitizers is several times slower (npm run test:asan).
const PATIENCE = Number(process.env.FLAXEN_TEST_PATIENCE ?? 1);

export function inChild(script: string, env: Record<string, string> = {}): { status: number | null; signal: string | null; out: string } {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, ['-e', script], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    cwd: root,
    timeout: 50_000 * PATIENCE,
  });
  return { status, signal, out: stdout + stderr };
}
