/** Which backend runs programs. */
import { BackendError } from '../core/errors.js';
import type { Backend } from './backend.js';
import { openNative } from './native.js';

type Factory = () => Backend;

const factories = new Map<string, Factory>([['cpu', openNative]]);
const open = new Map<string, Backend>();
let chosen: Backend | null = null;

/** @internal Adds a kind of backend; the tests' float64 reference comes in this way. */
export function registerBackend(name: string, factory: Factory): void {
  factories.set(name, factory);
  open.delete(name);
}

/** Makes all later programs run on `name`: 'cpu' (the C++ kernels). `FLAXEN_BACKEND` does the same from outside. */
export function setBackend(name: string): void {
  let backend = open.get(name);
  if (backend === undefined) {
    const factory = factories.get(name);
    if (factory === undefined) {
      throw new BackendError(`there is no backend "${name}": choose one of ${[...factories.keys()].join(', ')}`);
    }
    backend = factory();
    open.set(name, backend);
  }
  chosen = backend;
}

export function currentBackend(): Backend {
  if (chosen === null) setBackend(process.env.FLAXEN_BACKEND || 'cpu');
  return chosen!;
}

/** What runs programs now, and why. */
export function backendInfo(): { name: string; reason: string; available: string[] } {
  const asked = process.env.FLAXEN_BACKEND;
  const name = currentBackend().name;
  return { name, reason: asked ? `FLAXEN_BACKEND=${asked}` : 'the C++ kernels are there', available: [...factories.keys()] };
}
