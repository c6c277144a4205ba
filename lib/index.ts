/** The public surface of flaxen. */
export { Tensor, type NestedArray } from './core/tensor.js';
export { type DType, type DataArray } from './core/dtype.js';
export { type Shape } from './core/aval.js';
export { grad, stopGradient, valueAndGrad, vjp, type GradOptions } from './core/autodiff.js';
export { jit, type Jitted, type JitOptions, type Lowered } from './core/jit.js';
export { vmap, type Axes, type VmapOptions } from './core/vmap.js';
export * as tree from './core/tree.js';
export * as lax from './core/lax.js';
export * as np from './numpy/index.js';
export * as random from './random/index.js';
export { backendInfo, devices, setBackend, setDevice } from './backends/select.js';
export * as errors from './errors.js';
export * as nn from './nn/index.js';
export * as optim from './optim/index.js';
export * as training from './training/index.js';
