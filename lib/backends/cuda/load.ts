/** Finding the CUDA library and a device that it can use, or one clear reason why there is none. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Addon, CudaLibraryInfo } from '../../../typings/addon.js';
import { BackendError, UnavailableError } from '../../core/errors.js';
import { loadAddon } from '../native.js';
import { load, packageRoot } from '../package.js';
import { driverVersion } from './driver.js';

/** A device that CUDA programs can run on. */
export interface DeviceInfo {
  /** What `setDevice` takes. */
  readonly ordinal: number;
  readonly name: string;
  /** The compute capability, as "8.0". */
  readonly capability: string;
  /** Streaming multiprocessors. */
  readonly processors: number;
  /** Bytes of memory. */
  readonly memory: number;
  /** The newest CUDA version that the driver supports, as "13.0". */
  readonly driver: string;
  /** The driver's own version, as "580.65.06"; null where the system does not tell, and on a simulated device. */
  readonly driverVersion: string | null;
}

const LEAST_CAPABILITY = 75;
const NOT_NEEDED = 'Programs run on "cpu" without it.';
// Values of cudaError_t.
const DRIVER_TOO_OLD = 35;
const NO_DEVICE = 100;

const isSimulated = (): boolean => !!process.env.FLAXEN_CUDA_SIM;

/** CUDA writes 12.4 as 12040. */
const version = (number: number): string => `${Math.floor(number / 1000)}.${Math.floor((number % 1000) / 10)}`;

/** The addon and the library's path. Throws an UnavailableError where there is no driver or no library, before anything of CUDA is opened. */
export function locate(): { addon: Addon; path: string } {
  if (process.env.FLAXEN_CUDA === 'off') throw new UnavailableError('CUDA is switched off by FLAXEN_CUDA=off', 'Unset it.');
  const addon = loadAddon();
  if (isSimulated()) return { addon, path: simulator() };
  if (process.platform !== 'linux') throw new UnavailableError(`there are no CUDA kernels for ${process.platform}`, NOT_NEEDED);
  if (!addon.hasCudaDriver())
    throw new UnavailableError('there is no NVIDIA driver (libcuda.so.1 cannot be opened)', `On a machine with an NVIDIA GPU, install its driver. ${NOT_NEEDED}`); // prettier-ignore
  return { addon, path: library() };
}

function simulator(): string {
  const path = join(packageRoot, 'build', 'Release', 'libflaxen_cuda_sim.so');
  if (existsSync(path)) return path;
  throw new UnavailableError(
    'FLAXEN_CUDA_SIM asks for the simulated device, which is not built',
    'Configure with -DFLAXEN_BUILD_TESTS=ON and build flaxen_cuda_sim, or unset it.',
  );
}

/** FLAXEN_CUDA_LIBRARY, the build folder's, or that of the optional package. */
function library(): string {
  const asked = process.env.FLAXEN_CUDA_LIBRARY;
  if (asked) {
    if (existsSync(asked)) return asked;
    throw new BackendError(`FLAXEN_CUDA_LIBRARY names ${asked}, which does not exist`);
  }
  const built = join(packageRoot, 'build', 'Release', 'libflaxen_cuda.so');
  if (existsSync(built)) return built;
  const name = `flaxen-cuda-${process.platform}-${process.arch}`;
  try {
    return load.resolve(`${name}/libflaxen_cuda.so`);
  } catch (cause) {
    const mend = `Run "npm install ${name}", or in a checkout "npm run build:cuda".`;
    throw new UnavailableError(`there is a driver, but the CUDA library is not installed`, mend, { cause });
  }
}

/** What the library finds on this machine. Throws an UnavailableError where it does not open or no device can be used. */
export function examineLibrary(addon: Pick<Addon, 'cudaLibrary'>, path: string): CudaLibraryInfo {
  let info: CudaLibraryInfo;
  try {
    info = addon.cudaLibrary(path);
  } catch (cause) {
    throw new UnavailableError(`the CUDA library cannot be used: ${(cause as Error).message}`, 'Install the one of this version of flaxen.', { cause }); // prettier-ignore
  }
  const { driver, runtime, error, errorText, devices } = info;
  if (error === DRIVER_TOO_OLD) {
    const has = driver === 0 ? 'there is no NVIDIA driver' : `the NVIDIA driver is too old: it supports CUDA ${version(driver)}`;
    throw new UnavailableError(`${has}; flaxen needs one for CUDA ${version(runtime)}`, `Install a newer driver. ${NOT_NEEDED}`);
  }
  if (error === NO_DEVICE || (error === 0 && devices.length === 0)) {
    const hidden = process.env.CUDA_VISIBLE_DEVICES;
    const why = `there is no CUDA device${hidden === undefined ? '' : ` among CUDA_VISIBLE_DEVICES=${hidden}`}`;
    throw new UnavailableError(why, NOT_NEEDED);
  }
  if (error !== 0) throw new UnavailableError(`CUDA does not start: ${errorText} (error ${error})`, 'See what nvidia-smi says.');
  if (!devices.some(isSupported)) {
    const { name, capability } = devices[0]!;
    const needs = 'flaxen needs 7.5 (Turing) or newer';
    throw new UnavailableError(`${name} has compute capability ${capability / 10}; ${needs}`, NOT_NEEDED);
  }
  return info;
}

export const isSupported = ({ capability }: { capability: number }): boolean => capability >= LEAST_CAPABILITY;

/** The devices as people see them. */
export function describeDevices({ devices, driver }: CudaLibraryInfo): DeviceInfo[] {
  const own = isSimulated() ? null : driverVersion();
  return devices.map(({ name, capability, processors, memory }, ordinal) => {
    return { ordinal, name, capability: (capability / 10).toFixed(1), processors, memory, driver: version(driver), driverVersion: own };
  });
}

/** FLAXEN_CUDA_MEMORY_LIMIT as bytes; 0 where the device decides. "2000000000", "2GB" (10^9), "512MiB". */
export function memoryLimit(text = process.env.FLAXEN_CUDA_MEMORY_LIMIT): number {
  if (!text) return 0;
  const match = /^(\d+(?:\.\d+)?)\s*([KMGT]i?B)?$/i.exec(text.trim());
  const unit = (match?.[2] ?? '').toUpperCase();
  const power = unit === '' ? 0 : 'KMGT'.indexOf(unit[0]!) + 1;
  const bytes = match ? Number(match[1]) * (unit.length === 3 ? 1024 : 1000) ** power : NaN;
  if (bytes >= 1) return Math.floor(bytes);
  throw new BackendError(`FLAXEN_CUDA_MEMORY_LIMIT must be a size such as 2000000000, 8GB or 512MiB, got "${text}"`);
}
