/** What a run finds out: the shape of out/bench.json. */
import type { Work } from './cases.js';
import type { Machine, Peak } from './machine.js';
import type { Timing } from './interleave.js';

/** A number for one peer, or why there is none. */
export type Cell = { readonly value: number; readonly timing?: Timing; readonly firstLoss?: number } | { readonly missing: string };

export interface Row {
  readonly name: string;
  /** By column. */
  readonly cells: Readonly<Record<string, Cell>>;
  readonly work?: Work;
  /** What the work takes at the machine's own limits, in the section's unit. */
  readonly floor?: number;
}

export interface Section {
  readonly id: string;
  readonly title: string;
  readonly unit: 'ms' | 'MiB';
  /** The first column is divided by the others. */
  readonly columns: readonly { readonly key: string; readonly title: string }[];
  readonly rows: readonly Row[];
}

/** A line of the issue that asked for this library's speed. */
export interface Target {
  readonly what: string;
  readonly measured: number | null;
  readonly limit: number;
  readonly unit: 'ratio' | 'ms';
}

export interface Report {
  readonly date: string;
  readonly machine: Machine;
  readonly threads: number;
  readonly peak: Peak | string;
  /** What the peers say they are, or why they are not here. */
  readonly peers: Readonly<Record<string, string>>;
  readonly hiddenVariables: readonly string[];
  readonly pace: { readonly rounds: number; readonly roundMs: number };
  readonly sections: readonly Section[];
  readonly targets: readonly Target[];
}

export const valueOf = (cell: Cell | undefined): number | null => (cell !== undefined && 'value' in cell ? cell.value : null);
