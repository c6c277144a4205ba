/** How a graph is split: as few segments as it allows, constants in each, what is dead donated. */
import { describe, expect, it } from 'vitest';
import type { WireGraph, WireNode } from '../../lib/backends/backend.js';
import { partition } from '../../lib/backends/mixed/partition.js';

const F32 = { shape: [2], dtype: 'float32' as const };

/** A graph from lines such as 'c = conv a b'; names that no line makes are inputs, in order. Donated inputs end in '!', the last line lists the outputs. */
function graphOf(...lines: string[]): WireGraph {
  const nodes = lines.slice(0, -1).map((line) => {
    const [made, read] = line.split('=').map((part) => part.trim().split(/\s+/)) as [string[], string[]];
    return { op: read[0]!, reads: read.slice(1), made };
  });
  const outputs = lines.at(-1)!.trim().split(/\s+/);
  const made = nodes.flatMap((n) => n.made);
  const inputs = [...new Set([...nodes.flatMap((n) => n.reads), ...outputs].filter((name) => !made.includes(name)))];
  const ids = new Map([...inputs, ...made].map((name, i) => [name, i]));
  return {
    inputs: inputs.map(() => F32),
    nodes: nodes.map((n): WireNode => ({ op: n.op, inputs: n.reads.map((r) => ids.get(r)!), params: {}, outputs: n.made.map(() => F32) })),
    outputs: outputs.map((o) => ids.get(o)!),
    donated: inputs.flatMap((name, i) => (name.endsWith('!') ? [i] : [])),
  };
}

const isNative = (node: WireNode): boolean => !node.op.startsWith('F');
const split = (...lines: string[]) => partition(graphOf(...lines), isNative);
const shown = (segments: ReturnType<typeof split>): string[] =>
  segments.map(({ foreign, graph }) => `${foreign ? 'foreign' : 'native'}: ${graph.nodes.map((n) => n.op).join(' ')}`);

describe('segments', () => {
  it('are one where one backend can do all', () => {
    expect(shown(split('b = add a a', 'c = mul b a', 'c'))).toEqual(['native: add mul']);
    expect(shown(split('b = F1 a', 'c = F2 b', 'c'))).toEqual(['foreign: F1 F2']);
  });

  it('gather all that is ready before the other backend has its turn', () => {
    // In the order given there would be five.
    expect(shown(split('a = F1 x', 'b = add x x', 'c = F2 y', 'd = mul y y', 'e = F3 d', 'a b c e'))).toEqual([
      'native: add mul',
      'foreign: F1 F2 F3',
    ]);
    expect(shown(split('a = add x x', 'b = F1 a', 'c = sub y y', 'd = mul b c', 'd'))).toEqual([
      'native: add',
      'foreign: F1',
      'native: sub mul',
    ]);
  });

  it('compile native nodes together with those that read them', () => {
    // Both factors of the product were ready before.
    expect(shown(split('a = add x x', 'b = F1 a', 'c = neg y', 'd = exp c', 'e = mul b d', 'e'))).toEqual([
      'native: add',
      'foreign: F1',
      'native: neg exp mul',
    ]);
    // A result that nobody reads is there as soon as can be, and what a foreign segment reads as late as it must.
    expect(shown(split('a = add x x', 'b = F1 a', 'c = neg y', 'd = mul b b', 'e = F2 d c', 'f = sub x y', 'e f'))).toEqual([
      'native: add sub',
      'foreign: F1',
      'native: neg mul',
      'foreign: F2',
    ]);
  });

  it('start with the backend that leaves fewer turns', () => {
    expect(shown(split('a = F1 x', 'b = add a x', 'c = neg y', 'b c'))).toEqual(['foreign: F1', 'native: add neg']);
    expect(shown(split('a = add x x', 'b = F1 a', 'c = F2 y', 'b c'))).toEqual(['native: add', 'foreign: F1 F2']);
  });

  it('make constants themselves', () => {
    const segments = split('h = full', 'w = broadcast h', 'a = mul x w', 'b = F1 a w', 'c = mul b h', 'c');
    expect(shown(segments)).toEqual(['native: full broadcast mul', 'foreign: full broadcast F1', 'native: full mul']);
    expect(segments.map((s) => [s.reads.length, s.writes.length])).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    // A constant that is a result is made once; one of inputs is none.
    expect(shown(split('h = full', 'a = F1 h', 'b = reshape x', 'c = F2 b', 'a h c'))).toEqual(['native: full reshape', 'foreign: F1 F2']);
  });

  it('say which results they make, and copy inputs that come out as they are', () => {
    const segments = split('a = add x x', 'b = F1 a', 'a b a x');
    expect(segments.map((s) => s.results)).toEqual([[[0], [2], [3]], [[1]]]);
    expect(shown(split('b = F1 x', 'b x'))).toEqual(['foreign: F1', 'native: ']);
  });

  it('donate what nobody reads later', () => {
    const donated = (...lines: string[]): number[][] => split(...lines).map((s) => s.graph.donated.map((i) => s.reads[i]!));
    // x! (0) is read by a foreign segment last; y! (1) dies in the first segment, z! (2) in the last, with what the foreign one made (5).
    expect(donated('a = add x! y!', 'b = mul a z!', 'c = F1 b x!', 'd = sub c z!', 'd')).toEqual([[1], [], [5, 2]]);
    // A result lives on.
    expect(donated('a = F1 x', 'b = neg a', 'a b')).toEqual([[], []]);
  });

  it('number values anew', () => {
    const [, second] = split('a = F1 x y', 'b = add y a', 'b');
    expect(second!.graph).toEqual({
      inputs: [F32, F32],
      nodes: [{ op: 'add', inputs: [0, 1], params: {}, outputs: [F32] }],
      outputs: [2],
      donated: [1],
    });
    expect(second!.reads).toEqual([1, 2]);
    expect(second!.writes).toEqual([3]);
  });
});
