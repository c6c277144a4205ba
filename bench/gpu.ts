/**
 * The benchmark on a card: each kernel and whole train steps against what the card can do, and against PyTorch and JAX where they are
 * installed with CUDA. See docs/gpu.md.
 *
 *   npm run bench:gpu -- [--cases seed,small] [--peers flaxen,flax,torch] [--rounds N] [--quick] [--simulated]
 *
 * Exit status 77 where there is no card. --simulated runs all of it on the simulated device, where times mean nothing: to see that it runs.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildProgram, findCards, NO_CARD } from '../scripts/gpu/card.mjs';
import { mlpCases, trainWork, type MlpCase, type Work } from './harness/cases.js';
import { columnsOf, compare, type Context } from './harness/context.js';
import { gpuPeers } from './harness/gpu_peers.js';
import { root } from './harness/peers.js';
import { digits, sectionText, table } from './harness/report.js';
import type { Section } from './harness/results.js';

interface Kernel {
  readonly name: string;
  readonly ms: number;
  readonly bytes: number;
  readonly operations: number;
  readonly unit: 'tf32' | 'fp32' | 'bf16';
}
/** What flaxen_gpu_bench prints. */
interface Measured {
  readonly card: {
    readonly name: string;
    readonly capability: number;
    readonly processors: number;
    readonly clockMHz: number;
    readonly memoryMHz: number;
    readonly memoryMiB: number;
    readonly driver: string;
    readonly runtime: string;
  };
  /** Of a copy, and of products: 10^9 bytes and operations a second. */
  readonly rates: {
    readonly copyGBs: number;
    readonly tf32: number;
    readonly fp32: number;
    readonly bf16: number;
    readonly rounded: number;
  };
  readonly kernels: readonly Kernel[];
}

const TINY: MlpCase = { name: 'tiny', batch: 8, input: 3, widths: [4, 2] };

/** Memory traffic and arithmetic go on side by side: the longer of them. */
const floorMs = ({ rates }: Measured, bytes: number, operations: number, unit: Kernel['unit']): number =>
  Math.max(bytes / rates.copyGBs, operations / rates[unit]) * 1e-6;

function measureKernels(simulated: boolean): Measured | null {
  const program = simulated ? simulatedProgram() : [buildProgram('flaxen_gpu_bench')];
  if (program[0] === null) return null;
  const [command, ...args] = program as string[];
  const { status, stdout, stderr } = spawnSync(command!, args, { encoding: 'utf8', maxBuffer: 2 ** 24 });
  if (status !== 0) {
    console.error(`${command} ended with status ${status}: ${stdout.slice(-1000)}${stderr.slice(-1000)}`);
    return null;
  }
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Measured;
}

/** The program of the tests' build, and the device code that it is given there. */
function simulatedProgram(): string[] {
  const { stdout } = spawnSync('ctest', ['--test-dir', join(root, 'build'), '-R', '^gpu_bench_simulated$', '--show-only=json-v1'], {
    encoding: 'utf8',
  });
  const { tests } = JSON.parse(stdout) as { tests: { command: string[] }[] };
  const command = tests[0]?.command;
  if (!command) throw new Error('--simulated needs the C++ tests: npx cmake-js configure --CDFLAXEN_BUILD_TESTS=ON && npx cmake-js build');
  return command;
}

function clocksNow(): string {
  const fields = 'clocks.sm,clocks.mem,clocks.max.sm,clocks.max.mem,power.limit,temperature.gpu,driver_version';
  const { status, stdout } = spawnSync('nvidia-smi', [`--query-gpu=${fields}`, '--format=csv,noheader'], { encoding: 'utf8' });
  return status === 0 ? `${fields}: ${stdout.trim()}` : 'clocks not known: no nvidia-smi';
}

function kernelTable(measured: Measured): string {
  const lines = measured.kernels.map((k) => {
    const floor = floorMs(measured, k.bytes, k.operations, k.unit);
    const bound = k.bytes / measured.rates.copyGBs > k.operations / measured.rates[k.unit] ? 'memory' : k.unit;
    return [k.name, digits(k.ms * 1e3), digits(floor * 1e3), `${((100 * floor) / k.ms).toFixed(0)}%`, bound];
  });
  return `Kernels (microseconds, median)\n${table([['', 'flaxen', 'floor', 'of floor', 'bound by'], ...lines])}\n`;
}

/** The section with floors at the card's rates. */
function withCardFloors(section: Section, measured: Measured): Section {
  const unit = measured.card.capability < 80 ? 'fp32' : 'tf32';
  const floor = (work: Work): number => floorMs(measured, work.bytes, work.flops, unit);
  return { ...section, rows: section.rows.map((row) => (row.work ? { ...row, floor: floor(row.work) } : row)) };
}

async function main(): Promise<number> {
  const { values: options } = parseArgs({
    options: {
      cases: { type: 'string' },
      peers: { type: 'string' },
      rounds: { type: 'string', default: '15' },
      quick: { type: 'boolean', default: false },
      simulated: { type: 'boolean', default: false },
    },
  });
  const { quick, simulated } = options;
  const found = findCards();
  if (found.cards.length === 0 && !simulated) {
    console.log(`no GPU here: ${found.reason}; npm run bench:gpu needs an NVIDIA card and its driver`);
    return NO_CARD;
  }
  const rounds = Number(options.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new RangeError(`--rounds takes a positive whole number, got ${options.rounds}`);
  const all = simulated ? [TINY] : mlpCases;
  const cases = all.filter((c) => options.cases === undefined || options.cases.split(',').includes(c.name));
  if (cases.length === 0) throw new RangeError(`--cases has none of ${all.map((c) => c.name).join(', ')}: ${options.cases}`);

  const measured = measureKernels(simulated);
  if (measured === null) return 1;
  const { card, rates } = measured;
  const clocks = clocksNow();
  console.log(
    `${card.name}, compute capability ${card.capability / 10}, ${card.processors} processors at up to ${card.clockMHz} MHz, ${card.memoryMiB} MiB at up to ${card.memoryMHz} MHz, driver for CUDA ${card.driver}, runtime ${card.runtime}\n${clocks}`,
  );
  console.log(
    `copy ${digits(rates.copyGBs)} GB/s; products ${digits(rates.tf32 / 1e3)} TFLOP/s in tf32, ${digits(rates.fp32 / 1e3)} in float32, ${digits(rates.bf16 / 1e3)} in bfloat16, ${digits(rates.rounded / 1e3)} of float32 rounded to it\n`,
  );
  console.log(kernelTable(measured));

  const known = gpuPeers(simulated);
  const peers = known.filter((p) => options.peers === undefined || options.peers.split(',').includes(p.id));
  const context: Context = {
    cases,
    pace: simulated ? { rounds: 1, roundMs: 1 } : { rounds: quick ? 5 : rounds, roundMs: quick ? 40 : 150 },
    threads: null,
    quick,
    peers,
    versions: new Map(),
    progress: (text) => void (process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`)),
  };
  const columns = columnsOf(context, known.map((p) => p.id)); // prettier-ignore
  const rows = cases.map((c) => ({
    name: c.name,
    work: trainWork(c),
    requests: Object.fromEntries(columns.map(({ key }) => [key, { kind: 'train', case: c } as const])),
  }));
  const title = 'Train step: forward, loss, backward, Adam, running statistics, metrics';
  const train = withCardFloors(await compare(context, { id: 'train', title, columns, rows }), measured);
  console.log(sectionText(train));

  const path = join('out', 'bench-gpu.json');
  mkdirSync(join(root, 'out'), { recursive: true });
  const versions = Object.fromEntries(peers.map((p) => [p.id, context.versions.get(p.id) ?? p.absent ?? 'not started']));
  const report = { date: new Date().toISOString(), simulated, clocks, ...measured, peers: versions, pace: context.pace, sections: [train] };
  writeFileSync(join(root, path), `${JSON.stringify(report, null, 2)}\n`);
  console.log(`written: ${path}`);
  // What a run is for: flaxen's own column.
  return train.rows.every((row) => 'value' in (row.cells.flaxen ?? {})) ? 0 : 1;
}

main()
  .then((status) => (process.exitCode = status))
  .catch((e: unknown) => {
    console.error(e instanceof RangeError || (e instanceof TypeError && 'code' in e) ? e.message : e);
    process.exitCode = 1;
  });
