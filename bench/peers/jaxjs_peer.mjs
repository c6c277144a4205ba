// jax-js on its wasm backend: loss and gradients alone, since it has neither modules nor BatchNorm. Batch norm is composed of its array functions.
import { createRequire } from 'node:module';
import { serve } from './lines.mjs';

const root = new URL('../../.cache/bench/jaxjs/package.json', import.meta.url);
const require = createRequire(root);
const { blockUntilReady, defaultDevice, init, jit, nn, numpy: np, random, tree, valueAndGrad } = require('@jax-js/jax');
const { version } = require('./node_modules/@jax-js/jax/package.json');

const EPSILON = 1e-5;

/** `.ref` keeps a value that is used again: jax-js counts references. */
function batchNorm(x, scale, bias) {
  const mean = np.mean(x.ref, 0);
  const variance = np.mean(np.square(x.ref), 0).sub(np.square(mean.ref));
  const factor = np.reciprocal(np.sqrt(variance.add(EPSILON))).mul(scale);
  return x.sub(mean).mul(factor).add(bias);
}

function lossOf(params, image, label) {
  let x = image;
  params.forEach(({ kernel, bias, norm }) => {
    x = np.matmul(x, kernel).add(bias);
    if (norm) x = nn.relu(batchNorm(x, norm.scale, norm.bias));
  });
  const classes = x.shape[1];
  return np.mean(np.sum(nn.logSoftmax(x, -1).mul(nn.oneHot(label, classes)), -1)).mul(-1);
}

function initParams(input, widths) {
  return widths.map((width, i) => {
    const fanIn = i === 0 ? input : widths[i - 1];
    return {
      kernel: random.normal(random.key(i), [fanIn, width]).mul(fanIn ** -0.5),
      bias: np.zeros([width]),
      ...(i < widths.length - 1 && { norm: { scale: np.ones([width]), bias: np.zeros([width]) } }),
    };
  });
}

function openJob({ kind, case: { batch, input, widths } }) {
  if (kind !== 'grad') throw new Error(`no such kind here: ${kind}`);
  const params = initParams(input, widths);
  const image = random.normal(random.key(100), [batch, input]);
  const label = np.array(
    Int32Array.from({ length: batch }, () => Math.floor(Math.random() * widths.at(-1))),
    { dtype: np.int32 },
  );
  const step = jit(valueAndGrad(lossOf));
  return async (steps) => {
    let value;
    for (let i = 0; i < steps; i++) {
      const [loss, grads] = step(tree.ref(params), image.ref, label.ref);
      await blockUntilReady(grads);
      tree.dispose(grads);
      if (i === steps - 1) value = (await loss.data())[0];
      else loss.dispose();
    }
    return value;
  };
}

await init('wasm');
defaultDevice('wasm');
await serve({ name: 'jax-js', version: `jax-js ${version}, wasm backend` }, openJob);
