/** np and random against jax.numpy and jax.random (test/golden/numpy.json, made by scripts/golden/make_numpy.py): values, dtypes, gradients, errors. */
import { jit, np, random, Tensor, vjp } from 'flaxen';
import { describe, expect, test } from 'vitest';
import { golden, isEntry, numbers, toTree, type Entry } from '../support/golden.js';

interface Case {
  name: string;
  module: 'np' | 'random';
  spec?: string;
  args: unknown[];
  options: Record<string, unknown>;
  result?: Entry | Entry[];
  gradient?: Entry | Entry[];
  error?: string;
}

type Result = Tensor | Tensor[];
const modules = { np, random } as unknown as Record<string, Record<string, (...args: unknown[]) => Result>>;
// Their last positional argument may be left out in JAX but not here.
const positional: Record<string, string[]> = { takeAlongAxis: ['axis'], bernoulli: [] };

function call({ name, module, spec, args, options }: Case, first: unknown): Result {
  const rest = args.slice(1).map((a) => toTree(a) as unknown);
  const own = { ...(toTree(options) as Record<string, unknown>) };
  const extra = (positional[name] ?? []).map((key) => {
    const value = own[key];
    delete own[key];
    return value;
  });
  const all = [...(spec === undefined ? [] : [spec]), ...(args.length === 0 ? [] : [first]), ...rest, ...extra];
  if (Object.keys(own).length > 0) all.push(own);
  return modules[module]![name]!(...all);
}

const parse = (arg: unknown): unknown => toTree(arg === 'NaN' || arg === 'Infinity' || arg === '-Infinity' ? Number(arg) : arg) as unknown;

function label(c: Case): string {
  const brief = (v: unknown): unknown =>
    isEntry(v) ? `${v.dtype}[${v.shape.join()}]` : Array.isArray(v) ? `[${v.map(brief).join()}]` : String(v);
  const options = Object.entries(c.options).map(([k, v]) => `${k}: ${brief(v)}`);
  return `${c.name}(${[...(c.spec ? [c.spec] : []), ...c.args.map(brief), ...options].join(', ')})`;
}

function compare(got: Result, want: Entry | Entry[], exact: boolean): void {
  if (Array.isArray(want)) {
    expect((got as Tensor[]).length).toBe(want.length);
    want.forEach((w, i) => compare((got as Tensor[])[i]!, w, exact));
    return;
  }
  const t = got as Tensor;
  expect(`${t.dtype}[${t.shape.join()}]`).toBe(`${want.dtype}[${want.shape.join()}]`);
  const [have, wanted] = [Array.from(t.dataSync()), numbers(want).map((v) => (want.dtype === 'float32' ? Math.fround(v) : v))];
  const scale = Math.max(1, ...wanted.filter(Number.isFinite).map(Math.abs));
  wanted.forEach((w, i) => {
    const h = have[i]!;
    const near = Object.is(h, w) || h === w || (!exact && Math.abs(h - w) <= 2e-6 * scale);
    if (!near) expect.fail(`element ${i} is ${h}, expected ${w}\n got  ${have.slice(0, 24).join()}\n want ${wanted.slice(0, 24).join()}`);
  });
}

/** The generator's cotangents: multiples of a quarter. */
const cotangent = (y: Tensor): Tensor =>
  np.array(
    Array.from({ length: y.size }, (_, i) => ((i % 7) + 1) * 0.25),
    { shape: y.shape },
  );

function check(c: Case): void {
  const first = parse(c.args[0]);
  if (c.error !== undefined) {
    expect(() => call(c, first)).toThrow();
    return;
  }
  const exact = c.module === 'random' || (!Array.isArray(c.result) && c.result!.dtype !== 'float32');
  compare(call(c, first), c.result!, exact);
  const traceable = first instanceof Tensor || (Array.isArray(first) && first.some((x) => x instanceof Tensor));
  if (traceable) compare(jit((x: unknown) => call(c, x))(first), c.result!, exact);
  if (c.gradient === undefined) return;
  const [y, back] = vjp((x: unknown) => call(c, x), first);
  const [dx] = back(Array.isArray(y) ? y.map(cotangent) : cotangent(y)) as [Result];
  compare(dx, c.gradient, false);
}

const cases = golden('numpy') as unknown as { cases: Case[] };
const groups = new Map<string, Case[]>();
for (const c of cases.cases) groups.set(c.name, [...(groups.get(c.name) ?? []), c]);
for (const [name, list] of groups) {
  describe(name, () => {
    list.forEach((c, i) => test(`${i} ${label(c)}`, () => check(c)));
  });
}
