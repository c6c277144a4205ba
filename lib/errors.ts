/** Every error class of flaxen. */
export * from './core/errors.js';
export * from './nn/errors.js';
