/** `flaxen doctor`: what is there, what will run programs, and what would improve it. */
import { cudaDevices, type DeviceInfo } from '../backends/cuda/index.js';
import { loadAddon } from '../backends/native.js';
import { packageVersion } from '../backends/package.js';
import { backendInfo, type BackendInfo } from '../backends/select.js';
import { locateTfjs } from '../backends/tfjs_package.js';
import { UnavailableError } from '../core/errors.js';
import { cudaDriver, processor, type CudaDriver, type Processor } from './machine.js';
import { probe } from './tfjs_node/probe.js';
import { glibc } from './tfjs_node/wheel.js';

/** Something that is there, or why not and what to do about it. */
export type Found<T> = ({ readonly found: true } & T) | { readonly found: false; readonly why: string; readonly mend: string };

export interface Report {
  readonly flaxen: string;
  readonly node: { readonly version: string; readonly platform: string; readonly arch: string; readonly glibc: string | null };
  readonly processor: Processor;
  readonly addon: Found<{ readonly isa: string; readonly isas: readonly string[]; readonly threads: number; readonly version: string }>;
  readonly cuda: { readonly driver: CudaDriver | null; readonly library: Found<{ readonly devices: readonly DeviceInfo[] }> };
  readonly tfjs: Found<{ readonly version: string; readonly tensorflow: string; readonly folder: string }>;
  /** What will run programs, or why nothing can. */
  readonly use: BackendInfo | { readonly error: string };
}

/** Finds all that out. Loads the addon, and tfjs-node's library in another process. */
export function examine(): Report {
  return {
    flaxen: packageVersion(),
    node: { version: process.versions.node, platform: process.platform, arch: process.arch, glibc: glibc() ?? null },
    processor: processor(),
    addon: found(() => loadAddon().info()),
    cuda: { driver: cudaDriver(), library: found(() => ({ devices: cudaDevices() })) },
    tfjs: found(tfjs),
    use: use(),
  };
}

function found<T>(look: () => T): Found<T> {
  try {
    return { found: true, ...look() };
  } catch (error) {
    if (error instanceof UnavailableError) return { found: false, why: error.why, mend: error.mend };
    return { found: false, why: (error as Error).message, mend: 'Mend the setting.' };
  }
}

function tfjs(): { version: string; tensorflow: string; folder: string } {
  const there = locateTfjs();
  const { tensorflow, why } = probe(there);
  if (tensorflow === null)
    throw new UnavailableError(`tfjs-node in ${there.folder} does not run: ${why}`, 'Run "npx flaxen install-tfjs-node".');
  return { version: there.version, tensorflow, folder: there.folder };
}

function use(): Report['use'] {
  try {
    return backendInfo();
  } catch (error) {
    return { error: (error as Error).message };
  }
}
