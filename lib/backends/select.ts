/** Which backend runs programs: FLAXEN_BACKEND, setBackend, or the best that can run here. */
import { UnavailableError } from '../core/errors.js';
import type { Backend } from './backend.js';
import { cudaDevices, openCuda, type DeviceInfo } from './cuda/index.js';
import { openNative } from './native.js';
import { Registry, type Availability, type Choice, type Factory } from './registry.js';
import { openTfjs } from './tfjs/index.js';
import { locateTfjs } from './tfjs_package.js';

const registry = new Registry(
  {
    // best first
    cuda: { open: () => openCuda() },
    cpu: { open: openNative },
    tfjs: { open: () => openTfjs(), check: locateTfjs },
  },
  (line) => process.stderr.write(`${line}\n`),
);
let choice: Choice | null = null;

/** @internal Adds a kind of backend; the tests' float64 reference comes in this way. */
export function registerBackend(name: string, factory: Factory): void {
  registry.add(name, { open: factory });
}

/**
 * Makes all later programs run on `name`: 'cuda', 'cpu' (the C++ kernels) or 'tfjs' (tfjs-node's CPU kernels). Tensors move over when
 * they are used. `FLAXEN_BACKEND` does the same from outside. Throws a BackendError that says what is missing where `name` cannot run.
 * @example
 * setBackend('cpu');
 * setBackend('abacus'); // throws BackendError: there is no backend "abacus": …
 */
export function setBackend(name: string): void {
  choice = { backend: registry.get(name), reason: `setBackend("${name}")` };
}

/**
 * The CUDA devices of this machine, in CUDA's order: name, compute capability, memory in bytes, the newest CUDA version that the driver
 * supports and the driver's own version. `CUDA_VISIBLE_DEVICES` narrows it. Empty where CUDA cannot be used; `backendInfo()` says why.
 * @example devices().every((device) => device.memory > 0); // => true
 */
export function devices(): DeviceInfo[] {
  try {
    return cudaDevices();
  } catch (error) {
    if (error instanceof UnavailableError) return [];
    throw error;
  }
}

/**
 * Makes all later programs run on the CUDA device `ordinal`, as `devices()` counts them. Tensors move over when they are used. Throws an
 * UnavailableError where CUDA cannot be used, an ArgumentError that lists the devices where there is no such one.
 * @example
 * const [first] = devices();
 * if (first) setDevice(first.ordinal);
 * first === undefined || backendInfo().name === 'cuda'; // => true
 */
export function setDevice(ordinal: number): void {
  const backend = openCuda(ordinal);
  registry.add('cuda', { open: () => backend });
  choice = { backend: registry.get('cuda'), reason: `setDevice(${ordinal})` };
}

export function currentBackend(): Backend {
  return (choice ??= choose()).backend;
}

function choose(): Choice {
  const asked = process.env.FLAXEN_BACKEND;
  return asked ? { backend: registry.get(asked), reason: `FLAXEN_BACKEND=${asked}` } : registry.best();
}

export interface BackendInfo {
  /** The backend that runs programs now. */
  readonly name: string;
  /** Why that one. */
  readonly reason: string;
  /** Every kind, best first: whether it can run here, else why not and what to do about it. */
  readonly backends: readonly Availability[];
}

/**
 * What runs programs now and why, what else could, and what to do to get the rest. `npx flaxen doctor` prints more.
 * @example ['cuda', 'cpu', 'tfjs'].includes(backendInfo().name); // => true
 */
export function backendInfo(): BackendInfo {
  const { name } = currentBackend();
  return { name, reason: choice!.reason, backends: registry.availability() };
}
