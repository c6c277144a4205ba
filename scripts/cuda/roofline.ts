/**
 * A train step on paper: what the kernels of the CUDA backend must move and compute for the benchmark's models, and how long a device takes
 * for it at the rates of its data sheet. A bound from below, launch by launch; nothing here is measured.
 */
import { execFileSync } from 'node:child_process';
import { mlpCases, type MlpCase } from '../../bench/harness/cases.js';

interface Device {
  readonly name: string;
  readonly processors: number;
  readonly bytesPerSecond: number;
  /** Dense tf32 on tensor cores. */
  readonly tf32: number;
}

const devices: readonly Device[] = [
  { name: 'H100', processors: 132, bytesPerSecond: 3.35e12, tf32: 494.7e12 }, // SXM5, 80 GB HBM3
  { name: 'A100', processors: 108, bytesPerSecond: 2.039e12, tf32: 156e12 }, // SXM4, 80 GB HBM2e
];
/** From the begin of one launch of a captured graph to that of the next, if it has next to nothing to do: an assumption. */
const LAUNCH_SECONDS = 2e-6;

/** Of rows: their sums are joined by the launch that needs them, as cuda/batch_norm.cuh has it. */
const FEW_BLOCKS = 4;

type Bound = 'launches' | 'memory' | 'arithmetic';

interface Step {
  readonly what: string;
  readonly bytes: number;
  readonly operations: number;
  /** Blocks that multiply: with fewer than the device has processors, the others have nothing to do. */
  readonly blocks?: number;
}

/** What flaxen_cuda_gemm chooses for a shape: asks the library's own host code. */
export type GemmPlan = (m: number, n: number, k: number, moments: boolean) => { extent: number; splits: number };

export const planOf =
  (program: string): GemmPlan =>
  (m, n, k, moments) => {
    const [extent, splits] = execFileSync(program, [m, n, k, Number(moments)].map(String), { encoding: 'utf8' })
      .trim()
      .split(' ')
      .map(Number);
    return { extent: extent!, splits: splits! };
  };

/** The launches of one step, but for their order: forward, loss, backward, metrics, updates. test/backends/cuda_launches.test.ts compares with what programs do. */
export function launches({ batch, input, widths }: MlpCase, planFor: GemmPlan): Step[] {
  const steps: Step[] = [];
  const memory = (what: string, floats: number, operations = 0) => steps.push({ what, bytes: 4 * floats, operations });
  /** Long ones in parts of 1,024, as cuda/reduce.cu has it, and those in another launch. */
  const sum = (what: string, n: number) => {
    const parts = n < 2048 ? 1 : Math.ceil(n / 1024);
    memory(what, n + parts, n);
    if (parts > 1) memory(`${what}, joined`, parts + 1, parts);
  };
  const product = (what: string, m: number, n: number, k: number, moments = false) => {
    const { extent, splits } = planFor(m, n, k, moments);
    const written = splits > 1 ? splits * m * n : m * n;
    const blocks = Math.ceil(m / extent) * Math.ceil(n / extent) * splits;
    steps.push({ what, bytes: 4 * (m * k + k * n + written), operations: 2 * m * n * k, blocks });
    if (splits > 1) memory(`${what}, joined`, (splits + 1) * m * n);
  };
  const fans = widths.map((_, i) => (i === 0 ? input : widths[i - 1]!));
  const last = widths.length - 1;
  let parameters = 0;
  widths.forEach((width, i) => {
    product('dense', batch, width, fans[i]!, i < last);
    parameters += fans[i]! * width + width;
    if (i === last) return;
    parameters += 2 * width;
    const moments = 3 * width * Math.ceil(batch / planFor(batch, width, fans[i]!, true).extent);
    if (moments > FEW_BLOCKS * 3 * width) memory('batch norm: statistics', moments + 2 * width);
    memory('batch norm: normalize, relu', 2 * batch * width + moments, 3 * batch * width);
  });
  const logits = batch * widths[last]!;
  memory('cross entropy', logits + 3 * batch, 15 * logits);
  sum('mean of the losses', batch);
  memory('argmax', logits + batch);
  memory("hits, and Adam's count", 3 * batch);
  sum('accuracy', batch);
  memory('cross entropy, gradient', 2 * logits + 3 * batch, 15 * logits);
  for (let i = last; i >= 0; --i) {
    const width = widths[i]!;
    if (i < last) {
      memory('batch norm: sums of the gradient', 2 * batch * width, 6 * batch * width);
      const sums = 2 * width * Math.ceil(batch / 256);
      if (sums > FEW_BLOCKS * 2 * width) memory('batch norm: their joining', sums + 6 * width);
      memory('batch norm: gradient', 3 * batch * width + sums, 6 * batch * width);
    }
    product("dense: kernel's gradient", fans[i]!, width, batch);
    if (i > 0) product("dense: input's gradient", batch, fans[i]!, width);
  }
  const statistics = 2 * widths.slice(0, last).reduce((sum, width) => sum + width, 0);
  memory('Adam, running statistics, means', 7 * parameters + 3 * statistics, 15 * parameters + 4 * statistics);
  return steps;
}

function timeOf({ bytes, operations, blocks }: Step, device: Device): { seconds: number; bound: Bound } {
  const traffic = bytes / device.bytesPerSecond;
  const share = blocks === undefined ? 1 : blocks / (Math.ceil(blocks / device.processors) * device.processors);
  const arithmetic = blocks === undefined ? 0 : operations / (device.tf32 * share);
  const seconds = Math.max(traffic, arithmetic, LAUNCH_SECONDS);
  return { seconds, bound: seconds === LAUNCH_SECONDS ? 'launches' : traffic >= arithmetic ? 'memory' : 'arithmetic' };
}

/** The table in Markdown. */
export function rooflineTable(plan: GemmPlan): string {
  const lines = [
    `| case | launches | MB moved | Mflop of products | ${devices.map(({ name }) => `${name}, us | of which bound by launches / memory / arithmetic`).join(' | ')} |`,
    `| --- | ---: | ---: | ---: | ${devices.map(() => '---: | ---:').join(' | ')} |`,
  ];
  for (const model of mlpCases) {
    const steps = launches(model, plan);
    const sum = (of: (step: Step) => number) => steps.reduce((total, step) => total + of(step), 0);
    const cells = devices.map((device) => {
      const parts: Record<Bound, number> = { launches: 0, memory: 0, arithmetic: 0 };
      for (const step of steps) {
        const { seconds, bound } = timeOf(step, device);
        parts[bound] += seconds * 1e6;
      }
      const total = parts.launches + parts.memory + parts.arithmetic;
      const percent = (part: number) => `${Math.round((100 * part) / total)}%`;
      return `${total.toFixed(0)} | ${percent(parts.launches)} / ${percent(parts.memory)} / ${percent(parts.arithmetic)}`;
    });
    const megabytes = sum((step) => step.bytes) / 1e6;
    const megaflops = sum((step) => (step.blocks === undefined ? 0 : step.operations)) / 1e6;
    lines.push(`| ${model.name} | ${steps.length} | ${megabytes.toPrecision(3)} | ${megaflops.toPrecision(3)} | ${cells.join(' | ')} |`);
  }
  return lines.join('\n');
}
