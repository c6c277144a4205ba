/** The abstract value: what is known of a tensor without its numbers. */
import { DTYPES, type DType } from './dtype.js';
import { DTypeError, ShapeError } from './errors.js';

/** The sizes of a tensor's dimensions; `[]` for a scalar. */
export type Shape = readonly number[];

export const MAX_RANK = 8;
const MAX_ELEMENTS = 2 ** 38; // 2^40 bytes

/** Shape, dtype and weakness of a tensor. Interned: equal ones are the same object, so that a cache compares by identity. */
export class Aval {
  readonly size: number;
  private constructor(
    readonly shape: Shape,
    readonly dtype: DType,
    readonly weak: boolean,
  ) {
    this.size = sizeOf(shape);
    Object.freeze(shape);
  }

  private static readonly interned = new Map<string, Aval>();

  static of(shape: Shape, dtype: DType, weak = false): Aval {
    for (const d of shape) if (typeof d !== 'number') checkShape(shape); // null and '2' would join to the key of another shape
    const key = (weak ? '~' : '') + dtype + shape.join();
    let aval = Aval.interned.get(key);
    if (aval === undefined) {
      checkShape(shape);
      if (!DTYPES.includes(dtype)) throw new DTypeError(`there is no dtype "${dtype}": choose one of ${DTYPES.join(', ')}`);
      aval = new Aval([...shape], dtype, weak);
      if (Aval.interned.size > 20_000) Aval.interned.clear(); // equal ones then differ in identity: caches miss once
      Aval.interned.set(key, aval);
    }
    return aval;
  }

  get rank(): number {
    return this.shape.length;
  }

  with(change: { shape?: Shape; dtype?: DType; weak?: boolean }): Aval {
    return Aval.of(change.shape ?? this.shape, change.dtype ?? this.dtype, change.weak ?? this.weak);
  }

  toString(): string {
    return `${this.dtype}${formatShape(this.shape)}`;
  }
}

export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`;

export const sizeOf = (shape: Shape): number => shape.reduce((n, d) => n * d, 1);

export const sameShape = (a: Shape, b: Shape): boolean => a === b || (a.length === b.length && a.every((d, i) => d === b[i]));

function checkShape(shape: Shape): void {
  if (shape.length > MAX_RANK) throw new ShapeError(`a shape has at most ${MAX_RANK} dimensions, got ${formatShape(shape)}`);
  for (const d of shape) {
    if (!Number.isInteger(d) || d < 0) {
      const odd = shape.map((v: unknown) => (typeof v === 'string' ? JSON.stringify(v) : String(v)));
      throw new ShapeError(`dimensions are whole numbers of at least 0, got [${odd.join(', ')}]`);
    }
  }
  if (sizeOf(shape) > MAX_ELEMENTS || shape.some((d) => d > MAX_ELEMENTS))
    throw new ShapeError(`a tensor of shape ${formatShape(shape)} is too large: at most 2^38 elements`);
}

/** An axis counted from the front; negative ones count from the end. */
export function normalizeAxis(axis: number, rank: number, what = 'axis'): number {
  if (!Number.isInteger(axis) || axis < -rank || axis >= rank) {
    const mend = rank === 0 ? 'a scalar has no axes' : `use ${-rank} to ${rank - 1}`;
    throw new ShapeError(`${what} ${axis} is out of bounds for a tensor of rank ${rank}: ${mend}`);
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes counted from the front, sorted, each once. */
export function normalizeAxes(axes: number | readonly number[] | null | undefined, rank: number): number[] {
  if (axes === null || axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const list = (typeof axes === 'number' ? [axes] : [...axes]).map((a) => normalizeAxis(a, rank));
  list.sort((a, b) => a - b);
  list.forEach((a, i) => {
    if (i > 0 && a === list[i - 1])
      throw new ShapeError(`axis ${a} is named twice in ${formatShape(typeof axes === 'number' ? [axes] : axes)}`);
  });
  return list;
}

/** The shape that all shapes broadcast to, NumPy's rule. */
export function broadcastShapes(shapes: readonly Shape[], what = 'operation'): Shape {
  const first = shapes[0] ?? [];
  if (shapes.every((s) => sameShape(s, first))) return first;
  const rank = Math.max(...shapes.map((s) => s.length));
  const out = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const offset = rank - shape.length;
    shape.forEach((d, i) => {
      const have = out[offset + i]!;
      if (have === 1) out[offset + i] = d;
      else if (d !== 1 && d !== have) {
        throw new ShapeError(
          `${what} got shapes that do not broadcast: ${shapes.map(formatShape).join(', ')}; each dimension must agree or be 1`,
        );
      }
    });
  }
  return out;
}
