/** A program of TensorFlow operations, for people. */
import type { Attribute, TfGraph, Value } from './graph.js';

/** One line an operation. */
export function formatOps(graph: TfGraph, how: string): string {
  const tensor = (v: Value): string => `t${v.id}: ${v.type}[${v.shape.join(', ')}]`;
  const operand = (v: Value): string => {
    const source = graph.sources[v.id]!;
    if (source.from === 'input') return `%${source.index}`;
    if (source.from === 'constant' && source.data.length <= 8) return `{${Array.from(source.data).join(', ')}}`;
    return `t${v.id}`;
  };
  const attribute = ([name, { kind, value }]: [string, Attribute]): string[] =>
    kind === 'type' ? [] : [`${name}=${Array.isArray(value) ? `[${value.join(', ')}]` : String(value)}`];
  const lines = [`tfjs-node, ${graph.ops.length} operations, ${how}`];
  for (const op of graph.ops) {
    const attributes = Object.entries(op.attributes).flatMap(attribute);
    lines.push(`${op.outputs.map(tensor).join('  ')} = ${[op.name, ...op.inputs.map(operand), ...attributes].join(' ')}`);
  }
  lines.push(`outputs ${graph.outputs.map((v) => `t${v.id}`).join('  ')}`);
  return lines.join('\n');
}
