/**
 * The benchmark: flaxen and what a user would pick instead, in interleaved rounds on this machine. See bench/README.md.
 *
 *   npm run bench -- [--only train,gemm] [--cases seed,small] [--peers flaxen,flax] [--rounds N] [--threads N] [--quick] [--write]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { chart } from './harness/chart.js';
import { mlpCases } from './harness/cases.js';
import type { Context } from './harness/context.js';
import { better, describeMachine, measurePeak, withFloors } from './harness/machine.js';
import { hiddenVariables } from './harness/peer.js';
import { allPeers, root } from './harness/peers.js';
import { headText, sectionText, targetsText } from './harness/report.js';
import type { Report, Section } from './harness/results.js';
import { targets } from './harness/targets.js';
import { firstCall, memory } from './sections/fresh.js';
import { fusion, gemm, layers } from './sections/kernels.js';
import { gradients, inference, scaling, train } from './sections/steps.js';

const SECTIONS: Record<string, (context: Context) => Promise<Section>> = {
  train,
  grad: gradients,
  gemm,
  kernels: layers,
  fusion,
  eval: inference,
  first: firstCall,
  memory,
  scaling,
};

/** The names of a comma-separated option that `known` has, in the order of `known`; all of them if the option is left out. */
function chosen(option: string, given: string | undefined, known: readonly string[]): string[] {
  if (given === undefined) return [...known];
  const names = given.split(',').filter(Boolean);
  const unknown = names.filter((n) => !known.includes(n));
  if (unknown.length > 0) throw new RangeError(`--${option} has no ${unknown.join(', ')}; it takes ${known.join(', ')}`);
  return known.filter((n) => names.includes(n));
}

function count(option: string, given: string): number {
  const n = Number(given);
  if (!Number.isInteger(n) || n < 1) throw new RangeError(`--${option} takes a positive whole number, got ${given}`);
  return n;
}

function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

async function main(): Promise<void> {
  const { values: options } = parseArgs({
    options: {
      only: { type: 'string' },
      cases: { type: 'string' },
      peers: { type: 'string' },
      rounds: { type: 'string' },
      threads: { type: 'string' },
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  const { quick } = options;
  const threads = options.threads === undefined ? null : count('threads', options.threads);
  const known = allPeers(threads);
  const names = chosen('peers', options.peers, known.map((p) => p.id)); // prettier-ignore
  const peers = known.filter((p) => names.includes(p.id));
  const caseNames = chosen('cases', options.cases, mlpCases.map((c) => c.name)); // prettier-ignore
  const only = chosen('only', options.only, Object.keys(SECTIONS));
  const pace = { rounds: options.rounds === undefined ? (quick ? 5 : 15) : count('rounds', options.rounds), roundMs: quick ? 40 : 150 };

  const machine = describeMachine();
  progress('measuring the machine');
  const processors = threads ?? availableParallelism();
  let peak = measurePeak(processors);
  const head = { machine, threads: processors, hiddenVariables: hiddenVariables() };
  progress('');
  console.log(headText({ ...head, peak }));

  const context: Context = {
    cases: mlpCases.filter((c) => caseNames.includes(c.name)),
    pace,
    threads,
    quick,
    peers,
    versions: new Map(),
    progress,
  };
  const sections: Section[] = [];
  for (const id of only) {
    const measured = await SECTIONS[id]!(context);
    peak = better(peak, measurePeak(processors)); // again, should the machine have been busy before
    const section = withFloors(measured, peak);
    progress('');
    console.log(sectionText(section));
    sections.push(section);
  }
  const list = targets(sections);
  console.log(targetsText(list, machine));

  const report: Report = {
    date: new Date().toISOString(),
    ...head,
    peak,
    peers: Object.fromEntries(peers.map((p) => [p.id, context.versions.get(p.id) ?? p.absent ?? 'not started'])),
    pace,
    sections,
    targets: list,
  };
  for (const p of peers) if (report.peers[p.id] !== 'not started') console.log(`${p.title}: ${report.peers[p.id]}`);
  write(join('out', 'bench.json'), `${JSON.stringify(report, null, 2)}\n`);
  if (options.write) {
    const svg = chart(report);
    if (svg === null) console.log('no chart: it needs the section train with flaxen in it');
    else write(join('docs', 'benchmark.svg'), svg);
  }
}

function write(path: string, text: string): void {
  const full = join(root, path);
  mkdirSync(join(full, '..'), { recursive: true });
  writeFileSync(full, text);
  console.log(`written: ${path}`);
}

main().catch((e: unknown) => {
  console.error(e instanceof RangeError || (e instanceof TypeError && 'code' in e) ? e.message : e);
  process.exitCode = 1;
});
