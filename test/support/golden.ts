/** Numbers from real Flax (test/golden, made by scripts/golden), and the comparison that each deserves (test/golden/tolerances.md). */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Tensor, type DType } from 'flaxen';
import { fromNumbers } from '../../lib/core/array.js';
import { Aval } from '../../lib/core/aval.js';

/** An array as the files hold it; NaN and infinities are strings. */
export interface Entry {
  shape: number[];
  dtype: string;
  data: (number | boolean | string)[];
}

export interface GoldenFile {
  name: string;
  what: string;
  versions: Record<string, string>;
  note?: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- each file has a form of its own
  inputs: Record<string, any>;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  outputs: Record<string, any>;
}

export interface Tolerance {
  /** Bound relative to max(1, largest number of the array). */
  T: number;
  /** Bound relative to the largest number of an array whose scale is far below 1. */
  R: number;
  /** True where no tolerance is fair: compare properties instead. */
  loose: boolean;
  /** Paths of arrays that are round-off around an exact 0. */
  noise_arrays: string[];
}

const directory = new URL('../golden/', import.meta.url);
const load = (name: string): unknown => JSON.parse(readFileSync(fileURLToPath(new URL(`${name}.json`, directory)), 'utf8'));
let tolerances: Record<string, Record<string, Tolerance>> | null = null;

/** A golden file by name, without ".json". */
export const golden = (name: string): GoldenFile => load(name) as GoldenFile;

export function tolerance(file: string, caseName: string): Tolerance {
  tolerances ??= load('tolerances_golden') as Record<string, Record<string, Tolerance>>;
  const found = tolerances[file]?.[caseName];
  if (found === undefined) throw new Error(`test/golden/tolerances_golden.json has no case "${caseName}" of ${file}`);
  return found;
}

export const isEntry = (x: unknown): x is Entry => typeof x === 'object' && x !== null && 'shape' in x && 'dtype' in x && 'data' in x;

/** An entry's numbers; "NaN" and "Infinity" become what they name. */
export const numbers = (entry: Entry): number[] => entry.data.map(Number);

export const toTensor = (entry: Entry): Tensor => fromNumbers(numbers(entry), Aval.of(entry.shape, entry.dtype as DType));

/** Entries become tensors, tuples arrays, named tuples plain objects of their fields; all else stays. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- the form is the file's
export function toTree(json: unknown): any {
  if (isEntry(json)) return toTensor(json);
  if (Array.isArray(json)) return json.map(toTree);
  if (typeof json !== 'object' || json === null) return json;
  if ('__tuple__' in json) return (json.__tuple__ as unknown[]).map(toTree);
  const fields = '__namedtuple__' in json ? (json as unknown as { fields: object }).fields : json;
  return Object.fromEntries(Object.entries(fields).map(([k, v]) => [k, toTree(v) as unknown]));
}

/** `use_fast_variance` -> `useFastVariance`, for the keys of one object. */
export const camelCase = (kwargs: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(kwargs).map(([k, v]) => [k.replace(/_([a-z0-9])/g, (_, c: string) => c.toUpperCase()), v as unknown]));

/**
 * Throws unless `actual` (a tree of tensors) has the structure, shapes, dtypes and numbers of `expected` (JSON): integers and booleans exactly, float32 within
 * T * max(1, scale) and, where the scale is below 0.1, within R * scale. `caseName` is the case (or output) as tolerances_golden.json lists it.
 */
export function expectGolden(actual: unknown, expected: unknown, file: string, caseName: string): void {
  compare(actual, expected, `/${caseName}`, tolerance(file, caseName), `${file}: `);
}

function compare(actual: unknown, expected: unknown, path: string, tol: Tolerance, file: string): void {
  const fail = (what: string): never => {
    throw new Error(`${file}${path}: ${what}`);
  };
  if (isEntry(expected)) return compareArray(actual, expected, path, tol, fail);
  if (typeof expected !== 'object' || expected === null) {
    if (actual instanceof Tensor) actual = actual.item();
    const near = typeof expected === 'number' && !Number.isInteger(expected) && Math.abs((actual as number) - expected) <= tol.T;
    if (!near && !Object.is(actual, expected)) fail(`expected ${String(expected)}, got ${String(actual)}`);
    return;
  }
  if (typeof actual !== 'object' || actual === null) return fail(`expected a tree, got ${String(actual)}`);
  const [inner, prefix] = unwrap(expected, path);
  const [want, have] = [Object.keys(inner).sort(), Object.keys(actual).sort()];
  if (want.join() !== have.join()) fail(`expected the keys [${want.join(', ')}], got [${have.join(', ')}]`);
  for (const key of want) {
    compare((actual as Record<string, unknown>)[key], (inner as Record<string, unknown>)[key], `${prefix}/${key}`, tol, file);
  }
}

function unwrap(json: object, path: string): [object, string] {
  if ('__tuple__' in json) return [json.__tuple__ as object, `${path}/__tuple__`];
  if ('__namedtuple__' in json) return [(json as unknown as { fields: object }).fields, `${path}/fields`];
  return [json, path];
}

function compareArray(actual: unknown, expected: Entry, path: string, tol: Tolerance, fail: (what: string) => never): void {
  if (!(actual instanceof Tensor)) return fail(`expected a tensor, got ${String(actual)}`);
  if (actual.shape.join() !== expected.shape.join()) fail(`expected the shape [${expected.shape.join(', ')}], got ${actual}`);
  if (actual.dtype !== expected.dtype) fail(`expected the dtype ${expected.dtype}, got ${actual}`);
  const want = numbers(expected);
  const have = actual.dataSync();
  const exact = expected.dtype !== 'float32';
  const scale = want.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 0);
  let bound = tol.T * Math.max(1, scale);
  if (scale < 0.1) bound = Math.min(bound, Math.max(tol.R * scale, 1e-12));
  if (tol.noise_arrays.includes(path)) bound = Math.max(20 * scale, 1e-5); // an exact 0, blown up by the optimizer: only its size means something
  for (let i = 0; i < want.length; i++) {
    const [w, h] = [want[i]!, have[i]!];
    if (Object.is(w, h) || w === h) continue;
    if (exact || !(Math.abs(w - h) <= bound))
      fail(`element ${i} is ${h}, expected ${w}${exact ? '' : ` within ${bound.toExponential(1)}`}`);
  }
}
