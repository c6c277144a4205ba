/** probe.ts runs this: loads the binding in a file, computes something with it, prints TensorFlow's version. */
import { createRequire } from 'node:module';

interface Binding {
  readonly TF_Version: string;
  readonly TF_ATTR_TYPE: number;
  createTensor(shape: number[], type: number, data: Float32Array): number;
  executeOp(name: string, attributes: { name: string; type: number; value: number }[], inputs: number[], outputs: number): { id: number }[];
  tensorDataSync(id: number): ArrayLike<number>;
}

const FLOAT = 1; // tensorflow/core/framework/types.proto
const binding = createRequire(import.meta.url)(process.argv[2]!) as Binding;
const scalar = (value: number): number => binding.createTensor([], FLOAT, Float32Array.of(value));
const [sum] = binding.executeOp('AddV2', [{ name: 'T', type: binding.TF_ATTR_TYPE, value: FLOAT }], [scalar(19), scalar(23)], 1);
const value = binding.tensorDataSync(sum!.id)[0];
if (value !== 42) throw new Error(`TensorFlow computed 19 + 23 = ${value}`);
console.log(`TensorFlow ${binding.TF_Version}`);
