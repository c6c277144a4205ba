/** Which backend runs programs: FLAXEN_BACKEND, setBackend, or the best that can run here. */
import type { Backend } from './backend.js';
import { openCuda } from './cuda.js';
import { openNative } from './native.js';
import { Registry, type Availability, type Choice, type Factory } from './registry.js';
import { openTfjs } from './tfjs/index.js';
import { locateTfjs } from './tfjs_package.js';

const registry = new Registry(
  {
    // best first
    cuda: { open: openCuda },
    cpu: { open: openNative },
    tfjs: { open: openTfjs, check: locateTfjs },
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
