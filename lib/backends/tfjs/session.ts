/** Runs a program as one TensorFlow session: a single call, whatever the number of operations. Loading one costs milliseconds. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TfGraph } from './graph.js';
import type { Binding } from './load.js';
import type { Runner } from './runner.js';
import { feedNames, fetchNames, savedModel, TAG } from './saved_model.js';

/** Its constructor and `run` throw what the system or TensorFlow says. */
export class SessionRunner implements Runner {
  private readonly session: number;
  private readonly inputNames: string;
  private readonly outputNames: string;

  constructor(
    private readonly binding: Binding,
    graph: TfGraph,
  ) {
    this.inputNames = feedNames(graph);
    this.outputNames = fetchNames(graph);
    const folder = mkdtempSync(join(tmpdir(), 'flaxen-'));
    try {
      writeFileSync(join(folder, 'saved_model.pb'), savedModel(graph));
      this.session = binding.loadSavedModel(folder, TAG);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  run(inputs: readonly number[]): number[] {
    return this.binding.runSavedModel(this.session, inputs, this.inputNames, this.outputNames).map((t) => t.id);
  }

  dispose(): void {
    this.binding.deleteSavedModel(this.session);
  }
}
