/** How a program runs: operation by operation at first, as one session once it has proved worth loading one. Both give the same bits. */
import { EagerRunner } from './eager.js';
import type { TfGraph } from './graph.js';
import type { Binding } from './load.js';
import { SessionRunner } from './session.js';
import { reasonOf, report } from './session_fault.js';

/** Runs a program: tensors in, new tensors out. The inputs stay the caller's. */
export interface Runner {
  run(inputs: readonly number[]): number[];
  /** Frees what the program holds; it must not run again. */
  dispose(): void;
}

// A session saves most of an operation's 4 microseconds; to load one takes as long as some ten thousand operations.
const FEW_OPERATIONS = 12;
const WORTH_LOADING_MS = 40;

/** Why a program is not meant to be a session, or null. */
function obstacleOf({ ops, inputs }: TfGraph): string | null {
  if (ops.length < FEW_OPERATIONS) return `a session pays from ${FEW_OPERATIONS} on`;
  return inputs.length === 0 ? 'a session needs an input' : null; // the binding feeds at least one tensor
}

export class ProgramRunner implements Runner {
  private runner: Runner;
  private spent = 0;
  /** Why the program stays one by one, or null. */
  private obstacle: string | null;

  constructor(
    private readonly binding: Binding,
    private readonly graph: TfGraph,
    private readonly worthLoadingMs = WORTH_LOADING_MS,
  ) {
    this.runner = new EagerRunner(binding, graph);
    this.obstacle = obstacleOf(graph);
  }

  run(inputs: readonly number[]): number[] {
    if (this.runner instanceof SessionRunner) return this.runSession(this.runner, inputs);
    if (this.obstacle !== null) return this.runner.run(inputs);
    if (this.spent > this.worthLoadingMs) {
      this.loadSession();
      return this.run(inputs);
    }
    const start = performance.now();
    const results = this.runner.run(inputs);
    this.spent += performance.now() - start;
    return results;
  }

  dispose(): void {
    this.runner.dispose();
  }

  /** How it runs now, for people. */
  get how(): string {
    if (this.runner instanceof SessionRunner) return 'as one session';
    return this.obstacle === null ? 'one by one' : `one by one (${this.obstacle})`;
  }

  private loadSession(): void {
    let session: SessionRunner;
    try {
      session = new SessionRunner(this.binding, this.graph);
    } catch (cause) {
      return this.giveUp(cause);
    }
    this.runner.dispose();
    this.runner = session;
  }

  private runSession(session: SessionRunner, inputs: readonly number[]): number[] {
    let failure: unknown;
    try {
      return session.run(inputs);
    } catch (cause) {
      failure = cause;
    }
    // What fails one by one too is the program's own fault, and that error names the primitive.
    const oneByOne = new EagerRunner(this.binding, this.graph);
    let results: number[];
    try {
      results = oneByOne.run(inputs);
    } catch (cause) {
      oneByOne.dispose();
      throw cause;
    }
    session.dispose();
    this.runner = oneByOne;
    try {
      this.giveUp(failure);
    } catch (cause) {
      results.forEach((id) => this.binding.deleteTensor(id));
      throw cause;
    }
    return results;
  }

  /** From now on one by one. */
  private giveUp(cause: unknown): void {
    const reason = reasonOf(cause, this.graph);
    this.obstacle = `no session: ${reason}`;
    report(reason, this.graph);
  }
}
