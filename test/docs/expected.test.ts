/** The comparison that the documentation rests on can fail. */
import { describe, expect, it } from 'vitest';
import { matches } from './expected.js';
import { check, failures, recorder } from './program.js';

describe('what a page shows', () => {
  it.each([
    ['0.69', '0.6931471824645996'],
    ['[0.5, 1]', '[0.5,1.0000001]'],
    ['Tensor float32[2] [1, 2]', 'Tensor float32[2] [1,2]'],
    ['{ a: …, b: 2 }', '{ a: [ 1, 2, 3 ], b: 2 }'],
    ['{ a: [1],\n}', '{ a: [ 1 ] }'],
    ['ShapeError: … must agree', 'ShapeError: got [2] and [3]; they must agree'],
    ['1.5e-7', '1.4999999e-7'],
    ['-3', '-3'],
  ])('%s agrees with %s', (expected, actual) => expect(matches(expected, actual)).toBe(true));

  it.each([
    ['0.69', '0.7'],
    ['0.690', '0.6931471824645996'],
    ['3', '3.01'],
    ['[1, 2]', '[1,2,3]'],
    ['[1, 2, 3]', '[1,2]'],
    ['Tensor float32[2] [1, 2]', 'Tensor int32[2] [1,2]'],
    ['{ a: …, b: 2 }', '{ a: 1, b: 3 }'],
    ['', 'something'],
    ['1.5e-7', '1.6e-7'],
  ])('%s does not agree with %s', (expected, actual) => expect(matches(expected, actual)).toBe(false));

  async function problems(source: string): Promise<string[]> {
    const { code, expectations } = check(source);
    const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor as new (
      ...args: string[]
    ) => (...args: unknown[]) => Promise<void>;
    await new AsyncFunction('docs', code)(recorder(expectations));
    return failures('page.md', expectations);
  }

  it('is held against the output of console.log, in loops and branches too', async () => {
    expect(await problems('console.log(1 + 1); // 2')).toEqual([]);
    expect(await problems('console.log(1 + 1); // 3')).toHaveLength(1);
    expect(await problems('for (let i = 0; i < 2; i++) {\n  console.log("step", i);\n}\n// step 0\n// step 1')).toEqual([]);
    expect(await problems('for (let i = 0; i < 3; i++) {\n  console.log("step", i);\n}\n// step 0\n// step 1')).toHaveLength(1);
    expect(await problems('if (false) console.log(1); // 1')).toEqual([expect.stringContaining('(never reached)')]);
  });

  it('is held against values and errors', async () => {
    expect(await problems('[1, 2]; // => [1, 2]')).toEqual([]);
    expect(await problems('const x = { a: [1] }; // => { a: [2] }')).toHaveLength(1);
    expect(await problems('const [a, b] = [1, 2];\n// => [1, 2]')).toEqual([]);
    expect(await problems('const f = () => { throw new TypeError("no"); };\nf(); // throws TypeError: no')).toEqual([]);
    expect(await problems('const f = () => 1;\nf(); // throws TypeError: no')).toHaveLength(1);
  });
});
