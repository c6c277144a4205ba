import { errors, tree } from 'flaxen';
import { describe, expect, it } from 'vitest';
import { registerTreeClass } from '../../lib/core/tree.js';

class Point {
  constructor(
    readonly x: unknown,
    readonly y: unknown,
    readonly label = '',
  ) {}
}
registerTreeClass(Point, {
  names: () => ['x', 'y'],
  children: (p) => [p.x, p.y],
  aux: (p) => [p.label],
  build: ([label], [x, y]) => new Point(x, y, label as string),
});
class Unregistered {}

describe('flatten', () => {
  it('sorts the keys of objects, by code point', () => {
    expect(tree.leaves({ b: 1, a: 2, B: 3 })).toEqual([3, 2, 1]);
    expect(tree.leaves({ a10: 1, a2: 2 })).toEqual([1, 2]);
    // U+FF5E sorts before U+1F600 by code point, after its surrogates by UTF-16 unit
    expect(tree.leaves({ '\u{1F600}': 1, '\uFF5E': 2 })).toEqual([2, 1]);
  });

  it('keeps the order of arrays and nests', () => {
    expect(tree.leaves([3, [2, { z: 1, y: 0 }], []])).toEqual([3, 2, 0, 1]);
  });

  it('takes null and undefined for empty trees', () => {
    expect(tree.leaves({ a: null, b: undefined, c: 1 })).toEqual([1]);
    const [leaves, def] = tree.flatten({ a: null, b: [undefined] });
    expect(tree.unflatten(def, leaves)).toEqual({ a: null, b: [undefined] });
  });

  it('takes class instances, functions, strings, numbers and typed arrays for leaves', () => {
    const leaves = [new Unregistered(), () => 1, 'text', 5, true, new Float32Array(2), new Map()];
    expect(tree.leaves(leaves)).toEqual(leaves);
  });

  it('takes objects without a prototype for plain ones', () => {
    const bare = Object.assign(Object.create(null) as Record<string, number>, { b: 1, a: 2 });
    expect(tree.leaves(bare)).toEqual([2, 1]);
  });

  it('opens registered classes, and not their subclasses', () => {
    class Sub extends Point {}
    expect(tree.leaves([new Point(1, [2, 3]), 4])).toEqual([1, 2, 3, 4]);
    const sub = new Sub(1, 2);
    expect(tree.leaves(sub)).toEqual([sub]);
  });

  it('round-trips through unflatten', () => {
    const value = { z: [1, { b: 'x', a: null }], c: new Point(2, { q: 3 }, 'name') };
    const [leaves, def] = tree.flatten(value);
    const back = tree.unflatten(def, leaves) as typeof value;
    expect(back).toEqual(value);
    expect(back.c).toBeInstanceOf(Point);
    expect(back.c.label).toBe('name');
  });

  it('is safe with a key named __proto__', () => {
    const hostile = JSON.parse('{"__proto__": {"polluted": 1}, "a": 2}') as object;
    const mapped = tree.map((x: number) => x + 1, hostile) as Record<string, unknown>;
    expect(Object.keys(mapped).sort()).toEqual(['__proto__', 'a']);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect(Object.getPrototypeOf(mapped)).toBe(Object.prototype);
  });

  it('throws for a wrong number of leaves', () => {
    const def = tree.structure([1, 2]);
    expect(() => tree.unflatten(def, [1])).toThrow(/\[\*, \*\] has 2 leaves, got 1/);
  });
});

describe('map', () => {
  it('maps leaf by leaf, with further trees', () => {
    expect(tree.map((a: number, b: number) => a * b, { x: 2, y: [3] }, { y: [5], x: 4 })).toEqual({ x: 8, y: [15] });
  });

  it('gives keys sorted', () => {
    expect(Object.keys(tree.map((x: number) => x, { b: 1, a: 2 }))).toEqual(['a', 'b']);
  });

  it('lets further trees carry subtrees where the first has leaves', () => {
    expect(tree.map((a: number, b: unknown) => [a, b], { x: 1 }, { x: { deep: 2 } })).toEqual({ x: [1, { deep: 2 }] });
  });

  it.each([
    ['a missing key', { params: { w: 1, b: 2 } }, { params: { w: 1 } }, /differ at params: the other lacks "b"/],
    ['an extra key', { params: { w: 1 } }, { params: { w: 1, v: 2 } }, /differ at params: the other has "v" in excess/],
    ['another length', { a: [1, 2] }, { a: [1] }, /differ at a: the first has 2 elements, the other 1/],
    [
      'another kind',
      { a: { b: [1] } },
      { a: { b: { c: 1 } } },
      /differ at a\/b: the first has an array of 1, the other an object with keys "c"/,
    ],
    ['null for a tree', { a: [1] }, { a: null }, /differ at a: the first has an array of 1, the other nothing/],
    ['a tree for null', { a: null }, { a: 3 }, /differ at a: the first is empty, the other has number 3/],
    ['the root', [1], 5, /differ at \(root\)/],
    ['a class', [new Point(1, 2)], [{ x: 1, y: 2 }], /differ at 0: .*an object with keys "x", "y"/],
    ['a field of a class', new Point(1, [2]), new Point(1, []), /differ at y: the first has 1 elements, the other 0/],
  ])('names the path that differs: %s', (_, first, second, message) => {
    expect(() => tree.map((a: unknown) => a, first, second)).toThrow(errors.TreeStructureError);
    expect(() => tree.map((a: unknown) => a, first, second)).toThrow(message);
  });

  it('passes paths', () => {
    expect(tree.mapWithPath((path, leaf) => `${path.join('.')}=${leaf as number}`, { a: [7, { b: 8 }], p: new Point(1, 2) })).toEqual({
      a: ['a.0=7', { b: 'a.1.b=8' }],
      p: new Point('p.x=1', 'p.y=2'),
    });
    expect(tree.leavesWithPath({ a: [7] })).toEqual([[['a', 0], 7]]);
  });
});

describe('structure', () => {
  it('tells structures apart', () => {
    const same = [
      [
        { a: 1, b: 2 },
        { b: 3, a: 4 },
      ],
      [
        [1, null],
        [2, undefined],
      ],
      [new Point(1, 2, 'p'), new Point(3, 4, 'p')],
    ];
    for (const [a, b] of same) expect(tree.sameStructure(a, b)).toBe(true);
    const different = [
      [{ a: 1 }, { b: 1 }],
      [{ a: 1 }, { a: 1, b: 2 }],
      [{ a: 1, b: 2 }, { a: 1 }],
      [{ a: undefined }, {}],
      [[1], { 0: 1 }],
      [1, [1]],
      [null, 1],
      [new Point(1, 2, 'p'), new Point(1, 2, 'q')],
      [new Point(1, 2), [1, 2]],
    ];
    for (const [a, b] of different) expect(tree.sameStructure(a, b)).toBe(false);
  });

  it('prints', () => {
    expect(String(tree.structure({ b: [1, null], a: new Point(1, {}) }))).toBe('{a: Point(x: *, y: {}), b: [*, null]}');
  });
});

it('reduces and tests leaves in order', () => {
  expect(tree.reduce((s: string, leaf: number) => s + leaf, { b: 2, a: [1] }, '')).toBe('12');
  expect(tree.all((leaf: number) => leaf > 0, { a: 1, b: [2] })).toBe(true);
  expect(tree.all((leaf: number) => leaf > 1, { a: 1, b: [2] })).toBe(false);
});
