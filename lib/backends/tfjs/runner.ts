/** How a program runs: operation by operation at first, as one session once it has proved worth loading one. Both give the same bits. */
import { EagerRunner } from './eager.js';
import type { TfGraph } from './graph.js';
import type { Binding } from './load.js';
import { SessionRunner } from './session.js';

/** Runs a program: tensors in, new tensors out. The inputs stay the caller's. */
export interface Runner {
  run(inputs: readonly number[]): number[];
  /** Frees what the program holds; it must not run again. */
  dispose(): void;
}

// A session saves most of an operation's 4 microseconds; to load one takes as long as some ten thousand operations.
const FEW_OPERATIONS = 12;
const WORTH_LOADING_MS = 40;

export class ProgramRunner implements Runner {
  private runner: Runner;
  private spent = 0;
  private settled: boolean;

  constructor(
    private readonly binding: Binding,
    private readonly graph: TfGraph,
  ) {
    this.runner = new EagerRunner(binding, graph);
    this.settled = graph.ops.length < FEW_OPERATIONS || graph.inputs.length === 0; // the binding feeds at least one tensor
  }

  run(inputs: readonly number[]): number[] {
    if (this.settled) return this.runner.run(inputs);
    if (this.spent > WORTH_LOADING_MS) this.loadSession();
    const start = performance.now();
    const results = this.runner.run(inputs);
    this.spent += performance.now() - start;
    return results;
  }

  dispose(): void {
    this.runner.dispose();
  }

  /** True once the program runs as a session. */
  get isSession(): boolean {
    return this.runner instanceof SessionRunner;
  }

  private loadSession(): void {
    this.settled = true;
    let session: SessionRunner;
    try {
      session = new SessionRunner(this.binding, this.graph);
    } catch {
      return; // no folder to write to, say: it runs as before, only slower
    }
    this.runner.dispose();
    this.runner = session;
  }
}
