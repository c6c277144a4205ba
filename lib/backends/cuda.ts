/** The CUDA backend's place: there are no CUDA kernels yet, and asking for them says so. */
import { UnavailableError } from '../core/errors.js';
import type { Backend } from './backend.js';

export function openCuda(): Backend {
  throw new UnavailableError('this version of flaxen has no CUDA kernels yet', 'There is nothing to install; use "cpu".');
}
