// npm run quickstart: install, build, train on MNIST. Arguments go to the example: npm run quickstart -- --epochs 1
import { build, install, run, step } from './run.mjs';

const status =
  step('install dependencies', install) ||
  step('build the addon and the library', build) ||
  step('train on MNIST with and without batch normalization', () => run('npx', ['tsx', 'examples/mnist.ts', ...process.argv.slice(2)]));
process.exit(status);
