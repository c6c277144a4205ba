/** Kernels that share their work out by the number of threads: the bits must not depend on it. */
import { expect, it } from 'vitest';
import type { WireGraph } from '../../typings/addon.js';
import { aval, GraphBuilder, inChild, loadAddon } from './support.js';

const dot = (a: number, b: number) => ({ lhsContract: [a], rhsContract: [b], lhsBatch: [], rhsBatch: [] });

/** The products and the batch norm of one hidden layer, and their gradients from a cotangent. */
function layer([rows, inputs, features]: readonly [number, number, number]): WireGraph {
  const b = new GraphBuilder();
  const [x, w, bias, cotangent] = [b.input([rows, inputs]), b.input([inputs, features]), b.input([features]), b.input([rows, features])];
  const [matrix, vector] = [aval([rows, features]), aval([features])];
  const norm = { epsilon: 1e-5, fastVariance: true };
  const h = b.node('dense', [x, w, bias], {}, matrix);
  const y = b.node('batchNorm', [h, bias, bias], norm, matrix, vector, vector);
  const dh = b.node('batchNormGrad', [cotangent, h, bias, y + 1, y + 2], norm, matrix, vector, vector);
  const dw = b.node('dotGeneral', [x, dh], dot(0, 0), aval([inputs, features]));
  const dx = b.node('dotGeneral', [dh, w], dot(1, 1), aval([rows, inputs]));
  return b.graph([y, y + 1, y + 2, dh, dh + 1, dh + 2, dw, dx]);
}

const shapes = [[64, 64, 128], [64, 128, 128], [64, 128, 10], [33, 100, 99], [128, 512, 256], [200, 70, 300]] as const; // prettier-ignore

it('gives the same bits on one thread and on several', () => {
  const script = `${loadAddon}
    const hash = require('node:crypto').createHash('sha256');
    for (const graph of ${JSON.stringify(shapes.map(layer))}) {
      const avals = [...graph.inputs, ...graph.nodes.flatMap((n) => n.outputs)];
      const array = (v) => new Float32Array(avals[v].shape.reduce((a, b) => a * b, 1));
      const inputs = graph.inputs.map((_, v) => array(v).map((_, i) => Math.sin(i * (v + 1))));
      const outputs = graph.outputs.map(array);
      addon.wait(run(addon.compile(graph), inputs, outputs));
      for (const output of outputs) hash.update(output);
    }
    console.log(hash.digest('hex'));`;
  const [one, ...several] = [1, 2, 3, 5].map((n) => inChild(script, { FLAXEN_NUM_THREADS: String(n) }));
  expect(one).toMatchObject({ status: 0, out: expect.stringMatching(/^[0-9a-f]{64}\n$/) as string });
  for (const result of several) expect(result).toEqual(one);
});
