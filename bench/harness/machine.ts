/** The machine: what it is, and what it can do at most. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Work } from './cases.js';
import { root } from './peers.js';
import type { Section } from './results.js';

export interface Peak {
  readonly threads: number;
  readonly vectorBits: number;
  readonly gflops1: number;
  readonly gflops: number;
  /** Bytes read plus bytes written a second, of copies that touch so many bytes in all. */
  readonly copy: readonly { readonly bytes: number; readonly gbs: number }[];
}

export interface Machine {
  readonly cpu: string;
  readonly processors: number;
  readonly governor: string | null;
  readonly memoryGiB: number;
  readonly node: string;
  readonly platform: string;
  /** The load average over a minute before anything ran; a busy machine measures its neighbours. */
  readonly load: number;
}

export function describeMachine(): Machine {
  const governor = '/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor';
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    processors: availableParallelism(),
    governor: existsSync(governor) ? readFileSync(governor, 'utf8').trim() : null,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    load: Math.round(loadavg()[0]! * 100) / 100,
  };
}

export function machineLine(m: Machine): string {
  const governor = m.governor === null ? 'governor unknown' : `governor ${m.governor}`;
  return `${m.cpu}, ${m.processors} processors, ${governor}, ${m.memoryGiB} GiB, ${m.platform}, node ${m.node}, load ${m.load}`;
}

/** Builds and runs bench/native/peak.cc; a string says why that failed. */
export function measurePeak(threads: number): Peak | string {
  const build = join(root, 'build', 'bench');
  const commands = [
    ['cmake', '-S', join(root, 'bench', 'native'), '-B', build, '-DCMAKE_BUILD_TYPE=Release'],
    ['cmake', '--build', build, '--config', 'Release'],
  ] as const;
  for (const [command, ...args] of commands) {
    const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    if (error) return `${command} could not be started (${error.message}): install CMake and a C++20 compiler`;
    if (status !== 0) return `${command} ${args.join(' ')} failed: ${stderr.trim().split('\n').at(-1)}`;
  }
  const binary = [join(build, 'peak'), join(build, 'Release', 'peak.exe')].find(existsSync);
  if (!binary) return `${build} has no peak program after the build`;
  const { status, stdout, stderr } = spawnSync(binary, [String(threads)], { encoding: 'utf8' });
  return status === 0 ? (JSON.parse(stdout) as Peak) : `peak failed: ${stderr.trim()}`;
}

/** Copy bandwidth in bytes a second at the smallest measured size that holds the footprint: traffic inside a cache costs what that cache takes. */
function bandwidth(peak: Peak, footprint: number): number {
  const fitting = peak.copy.find((c) => c.bytes >= footprint) ?? peak.copy.at(-1)!;
  return fitting.gbs * 1e9;
}

/** Milliseconds that the work takes at the peak and at the bandwidth of where its data lives. */
const floorMs = (work: Work, peak: Peak): number =>
  (work.flops / (Math.max(peak.gflops, peak.gflops1) * 1e9) + work.bytes / bandwidth(peak, work.footprint)) * 1e3;

/** The better of two measurements: what the machine could do in either. A string says why there is none. */
export function better(a: Peak | string, b: Peak | string): Peak | string {
  if (typeof a === 'string') return b;
  if (typeof b === 'string') return a;
  return {
    ...a,
    gflops1: Math.max(a.gflops1, b.gflops1),
    gflops: Math.max(a.gflops, b.gflops),
    copy: a.copy.map((c, i) => ({ bytes: c.bytes, gbs: Math.max(c.gbs, b.copy[i]!.gbs) })),
  };
}

/** The section with the floor of each row whose work is known. */
export function withFloors(section: Section, peak: Peak | string): Section {
  if (typeof peak === 'string') return section;
  return { ...section, rows: section.rows.map((row) => (row.work ? { ...row, floor: floorMs(row.work, peak) } : row)) };
}
