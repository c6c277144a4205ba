/** The closed list of primitives (docs/primitives.md), one thin function each. */
export * from './bits.js';
export * from './comparison.js';
export * from './convolution.js';
export * from './creation.js';
export * from './elementwise.js';
export type { Operand } from './elementwise_rules.js';
export * from './gather.js';
export * from './layers.js';
export * from './layout.js';
export * from './linear.js';
export * from './pooling.js';
export * from './reduction.js';
