/** The primitives, and the collectives that go with vmap: the public namespace `lax`. */
export * from './primitives/index.js';
export { axisIndex, pmax, pmean, psum, type AxisIndexGroups } from './collectives.js';
