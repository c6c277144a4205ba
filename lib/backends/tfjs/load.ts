/** Opens tfjs-node's binding to the TensorFlow C library. */
import { UnavailableError } from '../../core/errors.js';
import type { DataArray } from '../../core/dtype.js';
import { load } from '../package.js';
import { locateTfjs, TFJS_MEND } from '../tfjs_package.js';

/** TensorFlow's numbers for the types of tensors (tensorflow/core/framework/types.proto). */
export const TF_TYPES = { float: 1, double: 2, int32: 3, int64: 9, bool: 10, uint32: 22 } as const;
export type TfType = keyof typeof TF_TYPES;

/** An attribute of an operation as the binding takes it; `type` is one of the TF_ATTR_ numbers. */
export interface BindingAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: number | boolean | string | readonly number[] | readonly boolean[];
}

export interface TensorInfo {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** The part of tfjs_binding.node that flaxen uses. Tensors are numbers there, alive until deleteTensor. */
export interface Binding {
  createTensor(shape: readonly number[], type: number, data: DataArray): number;
  deleteTensor(id: number): void;
  tensorDataSync(id: number): DataArray;
  executeOp(name: string, attributes: readonly BindingAttribute[], inputs: readonly number[], outputs: number): TensorInfo[];
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  /** Names are joined by commas. */
  runSavedModel(id: number, inputs: readonly number[], inputNames: string, outputNames: string): TensorInfo[];
  getNumOfTensors(): number;
  getNumOfSavedModels(): number;
  readonly TF_Version: string;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
}

export interface TfjsNode {
  readonly binding: Binding;
  /** The version of @tensorflow/tfjs-node. */
  readonly version: string;
  /** The version of the TensorFlow C library under it. */
  readonly tensorflow: string;
}

/**
 * Loads the binding; throws an UnavailableError where it is missing or does not load. The package's JavaScript (ops, gradients, its own memory management) is
 * left alone: flaxen needs the kernels only, and that code takes half a second to load and calls functions of node:util that Node 23 dropped.
 */
export function loadTfjsNode(): TfjsNode {
  const { version, binding: file } = locateTfjs();
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '3'; // TensorFlow greets on stderr otherwise, and tells there which kernels it does without; what fails it returns
  try {
    const binding = load(file) as Binding;
    return { binding, version, tensorflow: binding.TF_Version };
  } catch (cause) {
    throw new UnavailableError(`@tensorflow/tfjs-node does not load: ${(cause as Error).message.split('\n')[0]}`, TFJS_MEND, { cause });
  }
}
