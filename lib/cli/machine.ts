/** What this machine is: its processor's vector instructions and its NVIDIA driver, read without loading anything native. */
import { spawnSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { delimiter, join } from 'node:path';
import { driverVersion, namedVersion, readText } from '../backends/cuda/driver.js';

export interface Processor {
  readonly model: string;
  /** Processors that this process may use. */
  readonly processors: number;
  /** The vector instruction sets that flaxen has kernels for or looks at. */
  readonly features: readonly string[];
}

export interface CudaDriver {
  /** The driver's library. */
  readonly library: string;
  readonly version: string | null;
  /** Name and compute capability of each device, as nvidia-smi tells. */
  readonly devices: readonly string[];
}

const LOOKED_AT = ['sse4_2', 'avx', 'avx2', 'fma', 'bmi2', 'avx512f', 'avx512dq', 'avx512bw', 'avx512vl', 'avx512_bf16', 'amx_bf16'];

const output = (command: string, ...args: string[]): string => spawnSync(command, args, { encoding: 'utf8', timeout: 10_000 }).stdout ?? '';

export function processor(): Processor {
  const features =
    process.arch === 'arm64' ? ['neon'] : process.platform === 'darwin' ? darwinFeatures() : cpuinfoFeatures(readText('/proc/cpuinfo'));
  return { model: cpus()[0]?.model.trim() ?? 'unknown', processors: availableParallelism(), features };
}

/** The features among those looked at that Linux lists. */
export function cpuinfoFeatures(text: string): string[] {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(text)?.[1]!.trim().split(/\s+/));
  return LOOKED_AT.filter((feature) => flags.has(feature));
}

function darwinFeatures(): string[] {
  const flags = new Set(output('sysctl', '-n', 'machdep.cpu.features', 'machdep.cpu.leaf7_features').toLowerCase().split(/\s+/));
  return LOOKED_AT.filter((feature) => flags.has(feature));
}

const DRIVER = 'libcuda.so.1';

/** The NVIDIA driver, or null. `folders` are looked through first. */
export function cudaDriver(folders = (process.env.LD_LIBRARY_PATH ?? '').split(delimiter)): CudaDriver | null {
  if (process.platform !== 'linux') return null;
  const usual = ['/usr/lib/x86_64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/usr/lib64', '/usr/lib/wsl/lib', '/usr/local/nvidia/lib64'];
  const cached = new RegExp(`${DRIVER.replaceAll('.', '\\.')} .*=> (.+)$`, 'm').exec(output('ldconfig', '-p'))?.[1];
  const library = [...folders.filter(Boolean).map((f) => join(f, DRIVER)), cached ?? '', ...usual.map((f) => join(f, DRIVER))].find((p) =>
    existsSync(p),
  );
  if (library === undefined) return null;
  const version = driverVersion() ?? namedVersion(realpathSync(library));
  const devices = output('nvidia-smi', '--query-gpu=name,compute_cap', '--format=csv,noheader').trim();
  return { library, version: version ?? null, devices: devices === '' ? [] : devices.split('\n') };
}
