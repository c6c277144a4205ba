/**
 * A program as a TensorFlow SavedModel (tensorflow/core/protobuf/saved_model.proto): the form in which the binding takes whole graphs. The program is a
 * function that the graph calls, for two reasons: TensorFlow's graph optimizer, which changes results in their last bits, can be turned off for a function
 * alone, and so can the executor be chosen that runs operation after operation in one thread, which leaves the threads to the kernels.
 */
import type { Attribute, Attributes, Op, TfGraph, Value } from './graph.js';
import { TF_TYPES, type TfType } from './load.js';
import { bytes, entry, float, integer, join, message, text, type Field } from './protobuf.js';
import { resultName } from './result_names.js';

export const TAG = 'serve';
const PRODUCER = 1087; // GraphDef version: that of TensorFlow 2.9, the oldest that tfjs-node comes with
const PROGRAM = 'program';
const CALL = 'call';

const inputName = (index: number): string => `i${index}`;
const outputName = (index: number): string => `o${index}`;
/** What the function calls an operation; TensorFlow's messages name it so. */
export const opName = (op: Op): string => `n${op.outputs[0]!.id}`;

/** The feeds and fetches of a run, joined by commas. */
export const feedNames = (graph: TfGraph): string => graph.inputs.map((_, i) => `${inputName(i)}:0`).join();
export const fetchNames = (graph: TfGraph): string => graph.outputs.map((_, i) => `${CALL}:${i}`).join();

/** What the function calls a value. */
function nameOf(graph: TfGraph, value: Value): string {
  const source = graph.sources[value.id]!;
  if (source.from === 'input') return inputName(source.index);
  return source.from === 'constant' ? `c${value.id}:output:0` : `${opName(source.op)}:${resultName(source.op.name, source.output)}:0`;
}

const shapeFields = (shape: readonly number[]): Field[] => shape.map((d) => message(2, integer(1, d)));

function attributeFields({ kind, value }: Attribute): Field {
  switch (kind) {
    case 'type':
      return integer(6, TF_TYPES[value]);
    case 'int':
      return integer(3, value);
    case 'ints':
      return message(1, ...value.map((x) => integer(3, x)));
    case 'float':
      return float(4, value);
    case 'bool':
      return integer(5, value ? 1 : 0);
    case 'string':
      return text(2, value);
  }
}

const attributes = (all: Attributes): Field[] => Object.entries(all).map(([name, a]) => entry(5, name, attributeFields(a)));
const typeAttribute = (name: string, t: TfType): Field => entry(5, name, integer(6, TF_TYPES[t]));
const typesAttribute = (name: string, values: readonly Value[]): Field =>
  entry(5, name, message(1, ...values.map((v) => integer(6, TF_TYPES[v.type]))));

/** The fields of a NodeDef. */
const nodeDef = (name: string, op: string, inputs: readonly string[], fields: readonly Field[]): Field =>
  join([text(1, name), text(2, op), ...inputs.map((i) => text(3, i)), ...fields]);

function constantNode(graph: TfGraph, v: Value): Field {
  const source = graph.sources[v.id]!;
  const data = source.from === 'constant' ? source.data : new Uint8Array();
  const content = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const tensor = message(8, integer(1, TF_TYPES[v.type]), message(2, ...shapeFields(v.shape)), bytes(4, content));
  return nodeDef(`c${v.id}`, 'Const', [], [typeAttribute('dtype', v.type), entry(5, 'value', tensor)]);
}

function functionDef(graph: TfGraph): Field {
  const constants = new Set(graph.ops.flatMap((op) => op.inputs.filter((v) => graph.sources[v.id]!.from === 'constant')));
  const argument = (field: number, name: string, v: Value): Field => message(field, text(1, name), integer(3, TF_TYPES[v.type]));
  const signature = message(
    1,
    text(1, PROGRAM),
    ...graph.inputs.map((v, i) => argument(2, inputName(i), v)),
    ...graph.outputs.map((v, i) => argument(3, outputName(i), v)),
  );
  const operation = (op: Op): Field => nodeDef(opName(op), op.name, op.inputs.map((v) => nameOf(graph, v)), attributes(op.attributes)); // prettier-ignore
  const nodes = [...[...constants].map((v) => constantNode(graph, v)), ...graph.ops.map(operation)];
  const results = graph.outputs.map((v, i) => message(4, text(1, outputName(i)), text(2, nameOf(graph, v))));
  const flags = ['_noinline', '_tf_data_function'].map((name) => entry(5, name, integer(5, 1))); // the optimizer leaves such functions as they are
  return message(1, signature, ...nodes.map((n) => message(3, n)), ...results, ...flags);
}

/** ConfigProto.graph_options.rewrite_options.disable_meta_optimizer */
const UNOPTIMIZED = message(10, message(10, integer(19, 1)));

function callNode(graph: TfGraph): Field {
  return nodeDef(CALL, 'PartitionedCall', graph.inputs.map((_, i) => inputName(i)), [
    typesAttribute('Tin', graph.inputs),
    typesAttribute('Tout', graph.outputs),
    entry(5, 'f', message(10, text(1, PROGRAM))),
    entry(5, 'config', bytes(2, new Uint8Array())),
    entry(5, 'config_proto', bytes(2, UNOPTIMIZED)),
    entry(5, 'executor_type', text(2, 'SINGLE_THREADED_EXECUTOR')),
  ]); // prettier-ignore
}

/** The contents of saved_model.pb. */
export function savedModel(graph: TfGraph): Uint8Array {
  const placeholders = graph.inputs.map((v, i) =>
    nodeDef(inputName(i), 'Placeholder', [], [typeAttribute('dtype', v.type), entry(5, 'shape', message(7, ...shapeFields(v.shape)))]),
  );
  const nodes = [...placeholders, callNode(graph)].map((n) => message(1, n));
  const graphDef = message(2, ...nodes, message(2, functionDef(graph)), message(4, integer(1, PRODUCER)));
  return join([integer(1, 1), message(2, message(1, text(4, TAG)), graphDef)]);
}
