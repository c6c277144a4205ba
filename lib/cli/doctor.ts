/** `flaxen doctor`: what is there, what will run programs, and what would improve it. */
import { spawnSync } from 'node:child_process';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cudaDevices, type DeviceInfo } from '../backends/cuda/index.js';
import { loadAddon } from '../backends/native.js';
import { addonMend, packageVersion } from '../backends/package.js';
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
  /** FLAXEN_BACKEND, or null. */
  readonly asked: string | null;
  /** What will run programs, or why nothing can. */
  readonly use: BackendInfo | { readonly error: string };
}

/** Finds all that out. Loads the addon and tfjs-node's library, each in another process first. */
export function examine(): Report {
  process.env.TF_ENABLE_ONEDNN_OPTS ??= '0'; // else TensorFlow writes lines about it; nothing here computes
  const damage = addonDamage();
  const unlessDamaged = <T>(look: () => T): Found<T> =>
    found(() => {
      if (damage !== null) throw damage;
      return look();
    });
  return {
    flaxen: packageVersion(),
    node: { version: process.versions.node, platform: process.platform, arch: process.arch, glibc: glibc() ?? null },
    processor: processor(),
    addon: unlessDamaged(() => loadAddon().info()),
    cuda: { driver: cudaDriver(), library: unlessDamaged(() => ({ devices: cudaDevices() })) },
    tfjs: found(tfjs),
    asked: process.env.FLAXEN_BACKEND || null,
    use: damage === null ? use() : { error: damage.message },
  };
}

const child = fileURLToPath(new URL(`./addon_child${extname(import.meta.url)}`, import.meta.url));

/** What is wrong with an addon that takes its process down, since its file was damaged; null for any other. */
function addonDamage(): UnavailableError | null {
  const { signal } = spawnSync(process.execPath, [...process.execArgv, child], { stdio: 'ignore', timeout: 60_000 });
  return signal === null ? null : new UnavailableError(`loading the addon ends the process (${signal}): its file is damaged`, addonMend());
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
