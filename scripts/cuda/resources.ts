/** What ptxas gives each kernel on each architecture: registers, shared memory, and how many warps fit on a multiprocessor. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Of one multiprocessor: the CUDA programming guide, "Technical Specifications per Compute Capability". */
interface Architecture {
  readonly warps: number;
  readonly blocks: number;
  readonly sharedKilobytes: number;
  /** That one block may have. */
  readonly blockKilobytes: number;
  /** That the system takes of each block's. */
  readonly reservedKilobytes: number;
  /** Whose PTX it is given: the text of the kernels is the same. */
  readonly ptx: 75 | 80 | 120;
}

export const architectures: Readonly<Record<string, Architecture>> = {
  75: { warps: 32, blocks: 16, sharedKilobytes: 64, blockKilobytes: 64, reservedKilobytes: 0, ptx: 75 },
  80: { warps: 64, blocks: 32, sharedKilobytes: 164, blockKilobytes: 163, reservedKilobytes: 1, ptx: 80 },
  86: { warps: 48, blocks: 16, sharedKilobytes: 100, blockKilobytes: 99, reservedKilobytes: 1, ptx: 80 },
  89: { warps: 48, blocks: 24, sharedKilobytes: 100, blockKilobytes: 99, reservedKilobytes: 1, ptx: 80 },
  90: { warps: 64, blocks: 32, sharedKilobytes: 228, blockKilobytes: 227, reservedKilobytes: 1, ptx: 80 },
  100: { warps: 64, blocks: 32, sharedKilobytes: 228, blockKilobytes: 227, reservedKilobytes: 1, ptx: 120 },
  120: { warps: 48, blocks: 24, sharedKilobytes: 100, blockKilobytes: 99, reservedKilobytes: 1, ptx: 120 },
};
const REGISTERS = 65536; // of a multiprocessor, in all of them
const WARP_REGISTERS = 256; // are given out this many at a time to a warp

interface Usage {
  readonly name: string;
  readonly threads: number;
  readonly registers: number;
  readonly shared: number;
  readonly spills: number;
}

/** A product by its demangled name: gemm<FmaProduct<...>, extent, extent, a along k, b along k>. */
const PRODUCT = /gemm<flaxen::cuda::(Fma|Tf32|Bf16|Rounded)Product<([^>]*)>, (\d+), \d+, (true|false), (true|false)>/;

/** The shared memory of a product's launch, as cuda/gemm.cuh asks for it: a ring of stages, each a tile of A and one of B, 64 bytes along k. */
function gemmShared(kind: string, extent: number, aAlongK: boolean, bAlongK: boolean): number {
  const tile = (alongK: boolean) => (alongK ? extent * (64 + 16) : 64 * (extent + 8));
  return (kind === 'Fma' ? 2 : 3) * (tile(aAlongK) + tile(bAlongK));
}
const ELEMENTWISE_SHARED = 47 * 1024; // at most; with few registers in the program, 2 KB a register

/** Shared memory that a launch asks for, by the kernel's demangled name. */
function dynamicShared(name: string): number {
  const product = PRODUCT.exec(name);
  if (product) return gemmShared(product[1]!, Number(product[3]), product[4] === 'true', product[5] === 'true');
  return name.includes('elementwise_program') ? ELEMENTWISE_SHARED : 0;
}

/** The row of the table that a kernel belongs to. */
function rowOf(name: string): string {
  const product = PRODUCT.exec(name);
  if (product) {
    const bf16 = product[1] === 'Bf16' || product[2]!.includes('unsigned short');
    const by = { Fma: bf16 ? 'bfloat16 by float32' : 'float32', Tf32: 'tf32', Bf16: 'bfloat16', Rounded: 'float32 rounded to bfloat16' }[
      product[1]!
    ];
    return `gemm, ${by}, ${product[3]} x ${product[3]}`;
  }
  return /(\w+)(<.*)?\(/.exec(name.replace(/^void /, '').replace(/flaxen::cuda::|\(anonymous namespace\)::/g, ''))![1]!;
}

/** Warps of a multiprocessor that a kernel keeps resident, of those that it has room for. */
export function occupancy(arch: Architecture, threads: number, registers: number, shared: number): number {
  const warps = Math.ceil(threads / 32);
  const warpRegisters = Math.ceil((registers * 32) / WARP_REGISTERS) * WARP_REGISTERS;
  const byRegisters = Math.floor(Math.floor(REGISTERS / warpRegisters / 4) * 4) / warps; // four schedulers share them
  const byShared = shared === 0 ? Infinity : Math.floor((arch.sharedKilobytes * 1024) / (shared + arch.reservedKilobytes * 1024));
  const blocks = Math.min(arch.blocks, Math.floor(arch.warps / warps), Math.floor(byRegisters), byShared);
  return (blocks * warps) / arch.warps;
}

async function assemble(ptxas: string, file: string, arch: string, folder: string): Promise<Usage[]> {
  const text = readFileSync(file, 'utf8').replace(/^\.target sm_\d+/m, `.target sm_${arch}`);
  const copy = join(folder, `${arch}-${basename(file)}`);
  writeFileSync(copy, text);
  const { stderr } = await run(ptxas, ['-v', `-arch=sm_${arch}`, copy, '-o', `${copy}.cubin`], { maxBuffer: 1 << 26 });
  const threadsOf = new Map(
    [...text.matchAll(/\.entry (\w+)\([^{]*?\.maxntid (\d+)(?:, (\d+))?/g)].map((m) => [m[1]!, Number(m[2]) * Number(m[3] ?? 1)]),
  );
  const pieces = stderr.split("Compiling entry function '").slice(1);
  return pieces.map((piece) => {
    const name = piece.slice(0, piece.indexOf("'"));
    const spills = /(\d+) bytes spill stores, (\d+) bytes spill loads/.exec(piece);
    const registers = /Used (\d+) registers/.exec(piece);
    const threads = threadsOf.get(name);
    if (!spills || !registers || !threads) throw new Error(`${file}: what ptxas says of ${name} was not understood:\n${piece}`);
    const shared = Number(/(\d+) bytes smem/.exec(piece)?.[1] ?? 0);
    return { name, threads, registers: Number(registers[1]), shared, spills: Number(spills[1]) + Number(spills[2]) };
  });
}

async function demangled(names: readonly string[]): Promise<Map<string, string>> {
  const { stdout } = await run('c++filt', names, { maxBuffer: 1 << 26 });
  const plain = stdout.split('\n');
  return new Map(names.map((name, i) => [name, plain[i]!]));
}

interface Cell {
  readonly least: number;
  readonly most: number;
  readonly shared: number;
  readonly occupancy: number;
}

interface Row {
  readonly threads: number;
  readonly variants: Set<string>;
  /** By architecture. */
  readonly cells: Map<string, Cell>;
}

export interface Resources {
  /** The table in Markdown. */
  readonly table: string;
  /** By file of native/cuda, without its extension: what its kernels take, in the words of its header. */
  readonly headers: ReadonlyMap<string, string>;
}

const range = (numbers: readonly number[]): string => {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return least === most ? String(most) : `${least} to ${most}`;
};

/** The line of a header: over all kernels of the file, their variants and the architectures. */
function headerOf(registers: readonly number[], shared: readonly number[]): string {
  const memory = Math.max(...shared) === 0 ? 'no shared memory' : `${range(shared)} bytes of shared memory`;
  return `// By ptxas ${range(registers)} registers, ${memory}.`;
}

/** What ptxas says of all kernels; throws where one spills registers or does not fit. */
export async function resourcesOf(ptxas: string, ptx: Readonly<Record<string, readonly string[]>>): Promise<Resources> {
  const folder = mkdtempSync(join(tmpdir(), 'flaxen-ptxas-'));
  const jobs = Object.entries(architectures).flatMap(([arch, { ptx: of }]) => ptx[of]!.map((file) => ({ arch, file })));
  const found: { arch: string; file: string; usage: Usage }[] = [];
  const worker = async () => {
    for (let job = jobs.shift(); job; job = jobs.shift()) {
      for (const usage of await assemble(ptxas, job.file, job.arch, folder)) found.push({ ...job, usage });
    }
  };
  try {
    await Promise.all(Array.from({ length: availableParallelism() }, worker));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const plain = await demangled([...new Set(found.map(({ usage }) => usage.name))]);
  const complaints: string[] = [];
  const rows = new Map<string, Row>();
  const files = new Map<string, { registers: number[]; shared: number[] }>();
  for (const { arch, file, usage } of found) {
    const { name, threads, registers, spills } = usage;
    const text = plain.get(name)!;
    const shared = usage.shared + dynamicShared(text);
    const limits = architectures[arch]!;
    const stem = basename(file, '.ptx');
    const of = files.get(stem) ?? { registers: [], shared: [] };
    files.set(stem, of);
    of.registers.push(registers);
    of.shared.push(shared);
    const share = occupancy(limits, threads, registers, shared);
    if (spills > 0) complaints.push(`sm_${arch}: ${text} spills ${spills} bytes`);
    if (shared > limits.blockKilobytes * 1024) complaints.push(`sm_${arch}: ${text} needs ${shared} bytes of shared memory`);
    if (share === 0) complaints.push(`sm_${arch}: ${text} does not fit on a multiprocessor`);
    const row = rows.get(rowOf(text)) ?? { threads, variants: new Set<string>(), cells: new Map<string, Cell>() };
    rows.set(rowOf(text), row);
    row.variants.add(text);
    const cell = row.cells.get(arch);
    row.cells.set(arch, {
      least: Math.min(cell?.least ?? Infinity, registers),
      most: Math.max(cell?.most ?? 0, registers),
      shared: Math.max(cell?.shared ?? 0, shared),
      occupancy: Math.min(cell?.occupancy ?? Infinity, share),
    });
  }
  if (complaints.length > 0) throw new Error(complaints.join('\n'));
  const names = Object.keys(architectures);
  const lines = [
    `| kernel | variants | threads | shared memory | ${names.map((arch) => `sm_${arch}`).join(' | ')} |`,
    `| --- | ---: | ---: | ---: | ${names.map(() => '---:').join(' | ')} |`,
  ];
  for (const [name, row] of [...rows].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const cells = names.map((arch) => {
      const cell = row.cells.get(arch);
      if (!cell) return '';
      return `${cell.least === cell.most ? cell.most : `${cell.least}-${cell.most}`} (${Math.round(100 * cell.occupancy)}%)`;
    });
    const shared = Math.max(...[...row.cells.values()].map((cell) => cell.shared));
    lines.push(`| ${name} | ${row.variants.size} | ${row.threads} | ${shared} | ${cells.join(' | ')} |`);
  }
  const table = `${plain.size} kernels, ${found.length} compilations, no spills.\n\n${lines.join('\n')}`;
  return { table, headers: new Map([...files].map(([stem, { registers: r, shared: s }]) => [stem, headerOf(r, s)])) };
}
