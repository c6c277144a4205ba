// tfjs-node: the layers API, with optimizer.minimize for a train step.
import { createRequire } from 'node:module';
import util from 'node:util';
import { serve } from './lines.mjs';

util.isNullOrUndefined ??= (value) => value === null || value === undefined; // gone since Node 23, and tfjs-node 4.22 calls it
const tf = createRequire(import.meta.url)('@tensorflow/tfjs-node');

function makeMlp(input, widths) {
  const model = tf.sequential();
  widths.slice(0, -1).forEach((units, i) => {
    model.add(tf.layers.dense({ units, ...(i === 0 && { inputShape: [input] }) }));
    model.add(tf.layers.batchNormalization());
    model.add(tf.layers.reLU());
  });
  model.add(tf.layers.dense({ units: widths.at(-1) }));
  return model;
}

const lossOf = (logits, label) => tf.losses.softmaxCrossEntropy(tf.oneHot(label, logits.shape[1]), logits);
const accuracyOf = (logits, label) => tf.mean(tf.cast(tf.equal(tf.argMax(logits, -1), label), 'float32'));

function openJob({ kind, case: { batch, input, widths } }) {
  const image = tf.randomNormal([batch, input]);
  const label = tf.randomUniformInt([batch], 0, widths.at(-1));
  const model = makeMlp(input, widths);

  if (kind === 'train') {
    const optimizer = tf.train.adam(1e-3);
    const step = () => {
      let accuracy;
      const loss = optimizer.minimize(() => {
        const logits = model.apply(image, { training: true });
        accuracy = tf.keep(tf.tidy(() => accuracyOf(logits, label)));
        return lossOf(logits, label);
      }, true);
      return [loss, accuracy];
    };
    return (steps) => {
      let value;
      for (let i = 0; i < steps; i++) {
        const metrics = step();
        if (i === steps - 1) value = metrics[0].dataSync()[0];
        tf.dispose(metrics);
      }
      return value;
    };
  }
  if (kind === 'eval') {
    const step = () =>
      tf.tidy(() => {
        const logits = model.apply(image, { training: false });
        return [logits, lossOf(logits, label), accuracyOf(logits, label)];
      });
    return (steps) => {
      let value;
      for (let i = 0; i < steps; i++) {
        const results = step();
        results[0].dataSync();
        value = results[1].dataSync()[0];
        tf.dispose(results);
      }
      return value;
    };
  }
  throw new Error(`no such kind here: ${kind}`);
}

await tf.ready();
await serve(
  { name: 'tfjs-node', version: `tfjs-node ${tf.version['tfjs-core']}, libtensorflow ${tf.backend().binding.TF_Version}` },
  openJob,
);
