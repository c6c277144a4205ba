/** probe.ts runs this: loads the binding in a file, computes something with it, prints TensorFlow's version. */
import { createRequire } from 'node:module';
import { TF_TYPES, type Binding } from '../../backends/tfjs/load.js';

const binding = createRequire(import.meta.url)(process.argv[2]!) as Binding;
const scalar = (value: number): number => binding.createTensor([], TF_TYPES.float, Float32Array.of(value));
const type = { name: 'T', type: binding.TF_ATTR_TYPE, value: TF_TYPES.float };
const [sum] = binding.executeOp('AddV2', [type], [scalar(19), scalar(23)], 1);
const value = binding.tensorDataSync(sum!.id)[0];
if (value !== 42) throw new Error(`TensorFlow computed 19 + 23 = ${value}`);
console.log(`TensorFlow ${binding.TF_Version}`);
