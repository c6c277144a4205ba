/** Batching of primitives that work along axes: the axes are one further. */
import { bind } from '../bind.js';
import { defineBatching, spreadAll } from './rule.js';

defineBatching<{ axes: readonly number[] }>(['reduceSum', 'reduceProd', 'reduceMax', 'reduceMin'], ({ primitive, inputs, params }) =>
  bind(primitive, inputs, { ...params, axes: params.axes.map((a) => a + 1) }),
);

defineBatching<{ axis: number }>(['argmax', 'argmin', 'cumsum', 'sort', 'takeAlong', 'scatterAddAlong'], (c) =>
  bind(c.primitive, spreadAll(c), { ...c.params, axis: c.params.axis + 1 }),
);
