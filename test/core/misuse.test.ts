/** Wrong uses of the core: each throws an error that names the value and the mend, and harms nothing that comes after. */
import { errors, grad, jit, lax, setBackend, stopGradient, Tensor, tree } from 'flaxen';
import { describe, expect, it } from 'vitest';
import { fromTypedArray } from '../../lib/core/array.js';
import { tensor } from '../support/tensors.js';

function throws(f: () => unknown, type: new (...a: never[]) => Error, message: RegExp): void {
  expect(f).toThrow(type);
  expect(f).toThrow(message);
  expect(f).toThrow(errors.FlaxenError);
}
const { ShapeError, DTypeError, ArgumentError, MemoryError, BackendError } = errors;
const dims = { lhsContract: [1], rhsContract: [0], lhsBatch: [], rhsBatch: [] };

describe('shapes', () => {
  it('that are no shapes', () => {
    for (const shape of [[-1], [1.5], [NaN], [2, -3], ['2x'], [null], [undefined]])
      throws(() => lax.zeros(shape as number[]), ShapeError, /dimensions are whole numbers of at least 0, got \[/);
    throws(() => lax.zeros([1, 1, 1, 1, 1, 1, 1, 1, 1]), ShapeError, /at most 8 dimensions/);
  });
  it('that are too large to be', () => {
    for (const shape of [[2 ** 41], [2 ** 21, 2 ** 20], [2 ** 31, 2 ** 31], [Number.MAX_SAFE_INTEGER], [1e300, 1e300], [0, 2 ** 60]])
      throws(() => lax.zeros(shape), ShapeError, /too large: at most 2\^38 elements/);
  });
  it('that are too large for the memory', () => {
    const inside = jit((x: Tensor) => lax.reduceMax(lax.cumsum(lax.broadcast(x, [2 ** 36, 2], [1]), 0)));
    const onCuda = process.env.FLAXEN_BACKEND === 'cuda';
    expect(() => inside(tensor([1, 2]))).toThrow(onCuda ? /out of device memory/ : /cannot allocate|bytes of scratch memory/);
    const message = onCuda ? /out of device memory: 524288 MiB/ : /cannot allocate 137438953472 elements of float32/;
    throws(() => lax.broadcast(tensor(1), [2 ** 30, 2 ** 7], []), MemoryError, message);
    expect(lax.add(tensor(1), 1).item()).toBe(2);
  });
  it('that do not fit each other', () => {
    throws(
      () => lax.add(tensor([1, 2]), tensor([1, 2, 3])),
      ShapeError,
      /add needs inputs of one shape, got float32\[2\] and float32\[3\]/,
    );
    throws(() => lax.select(tensor([true], 'bool'), tensor([1, 2]), tensor([1, 2])), ShapeError, /select needs inputs of one shape/);
    throws(() => lax.dense(tensor([[1, 2]]), lax.zeros([3, 4])), ShapeError, /dense needs x \[\.\.\., K\] and a kernel \[K, N\]/);
    throws(() => lax.dense(tensor([[1, 2]]), lax.zeros([2, 4]), lax.zeros([3])), ShapeError, /needs a bias of shape \[4\]/);
    throws(() => lax.dense(tensor(1), lax.zeros([2, 4])), ShapeError, /dense needs/);
    throws(
      () => lax.dotGeneral(lax.zeros([2, 3]), lax.zeros([4, 2]), dims),
      ShapeError,
      /sums over dimensions \[1\] and \[0\], whose sizes differ/,
    );
    throws(() => lax.reshape(lax.zeros([2, 3]), [4]), ShapeError, /cannot reshape float32\[2, 3\] \(6 elements\) to \[4\]/);
    throws(() => lax.broadcastTo(lax.zeros([2, 3]), [3]), ShapeError, /fewer dimensions/);
    throws(() => lax.broadcastTo(lax.zeros([2]), [3]), ShapeError, /cannot broadcast float32\[2\] to \[3\]/);
    throws(() => lax.concatenate([lax.zeros([2, 3]), lax.zeros([2, 4])], 0), ShapeError, /agree elsewhere/);
    throws(() => lax.concatenate([], 0), ShapeError, /at least one/);
    throws(
      () => lax.batchNorm(lax.zeros([4, 3]), lax.zeros([2]), lax.zeros([3]), { epsilon: 1e-5, fastVariance: true }),
      ShapeError,
      /vectors of shape \[3\]/,
    );
    throws(() => lax.softmaxCrossEntropy(lax.zeros([4, 3]), lax.zeros([3], 'int32')), ShapeError, /labels of shape \[4\]/);
    throws(() => lax.threefry2x32(lax.zeros([3], 'uint32'), lax.zeros([1], 'uint32'), lax.zeros([1], 'uint32')), ShapeError, /random key/);
    throws(() => lax.qr(lax.zeros([3])), ShapeError, /qr needs a float32 matrix/);
    throws(() => lax.sort([lax.zeros([2]), lax.zeros([3])], 0), ShapeError, /operands of one shape/);
    throws(() => lax.sort([lax.zeros([2])], 0, 2), ShapeError, /1 operands got 2 keys/);
    throws(() => lax.takeAlong(lax.zeros([2, 3]), lax.zeros([3, 1], 'int32'), 1), ShapeError, /agree with float32\[2, 3\] elsewhere/);
    throws(() => lax.scatterAdd(lax.zeros([2, 3]), lax.zeros([4], 'int32'), lax.zeros([4, 2]), 0), ShapeError, /updates of shape \[4, 3\]/);
  });
  it('slices, widths and permutations outside', () => {
    const x = lax.zeros([4]);
    for (const [start, limit, stride] of [
      [-1, 2, 1],
      [0, 5, 1],
      [3, 2, 1],
      [0, 4, 0],
      [0, 4, -1],
      [0.5, 2, 1],
      [0, 3.5, 1],
      [0, 4, 1.5],
      [NaN, 2, 1],
    ])
      throws(() => lax.slice(x, [start!], [limit!], [stride!]), ShapeError, /slice .* of dimension 0 does not lie in float32\[4\]/);
    for (const widths of [
      { low: [-1], high: [0], interior: [0] },
      { low: [0], high: [0.5], interior: [0] },
      { low: [0], high: [0], interior: [NaN] },
    ])
      throws(() => lax.pad(x, tensor(0), widths), ShapeError, /pad of float32\[4\] needs whole widths of at least 0/);
    for (const perm of [[0], [0, 0], [0, 2], [0, 1, 2], [-1, 0]])
      throws(() => lax.transpose(lax.zeros([2, 3]), perm), ShapeError, /needs each of its 2 axes once/);
    for (const [shape, list] of [
      [[3], [1]],
      [[3, 4], [-1]],
      [[3, 4], [0.5]],
      [
        [4, 3],
        [0, 0],
      ],
    ] as const)
      throws(() => lax.broadcast(x, shape, list), ShapeError, /cannot broadcast/);
  });
  it('axes outside', () => {
    const x = lax.zeros([2, 3]);
    for (const axis of [2, -3, 0.5, NaN]) {
      for (const f of [lax.reduceSum, lax.argmax, lax.cumsum, (v: Tensor, a: number) => lax.sort([v], a)])
        throws(() => f(x, axis), ShapeError, /axis .* is out of bounds for a tensor of rank 2: use -2 to 1/);
    }
    throws(() => lax.reduceSum(x, [0, -2]), ShapeError, /axis 0 is named twice/);
    throws(() => lax.reverse(x, [5]), ShapeError, /axis 5 is out of bounds/);
    throws(() => lax.argmax(tensor(1), 0), ShapeError, /rank 0/);
  });
  it('of which there is no result', () => {
    throws(() => lax.argmax(lax.zeros([2, 0]), 1), ShapeError, /axis 1, which is empty, has no result/);
    throws(() => lax.take(lax.zeros([0]), tensor([0], 'int32'), 0, 'clip'), ShapeError, /empty, has no result/);
    throws(() => lax.softmaxCrossEntropy(lax.zeros([2, 0]), lax.zeros([2], 'int32')), ShapeError, /at least one class/);
  });
});

describe('dtypes', () => {
  const [f, i, u, b] = [tensor([1]), tensor([1], 'int32'), tensor([1], 'uint32'), tensor([true], 'bool')];
  it('that an operation does not take', () => {
    throws(() => lax.exp(i), DTypeError, /exp takes float32, got int32\[1\]; convert it with astype/);
    throws(() => lax.neg(b), DTypeError, /neg takes float32, int32 or uint32, got bool/);
    throws(() => lax.not(f), DTypeError, /not takes int32, uint32 or bool/);
    throws(() => lax.shiftLeft(f, 1), DTypeError, /shiftLeft takes int32 or uint32/);
    throws(() => lax.dense(tensor([[1]], 'int32'), tensor([[1]], 'int32')), DTypeError, /dense takes float32/);
    throws(() => lax.reduceSum(b), DTypeError, /reduceSum takes numbers, got bool/);
    throws(() => lax.cumsum(b, 0), DTypeError, /cumsum takes numbers/);
    throws(() => lax.take(f, f, 0), DTypeError, /needs int32 or uint32 indices/);
    throws(() => lax.select(i, f, f), DTypeError, /select needs a bool condition/);
    throws(() => lax.softmaxCrossEntropy(tensor([[1]]), u), DTypeError, /int32 labels/);
    throws(() => lax.softmaxCrossEntropy(tensor([[1]], 'int32'), i), DTypeError, /float32 logits/);
    throws(() => lax.threefry2x32(tensor([1, 2], 'int32'), u, u), DTypeError, /threefry2x32 takes uint32/);
    throws(() => lax.bitcast(b, 'int32'), DTypeError, /four bytes/);
    throws(() => lax.scatterAdd(b, tensor([0], 'int32'), b, 0), DTypeError, /scatterAdd takes numbers/);
    throws(() => lax.scatterAddAlong(b, tensor([0], 'int32'), b, 0), DTypeError, /scatterAddAlong takes numbers/);
  });
  it('that differ', () => {
    throws(() => lax.add(f, i), DTypeError, /add needs inputs of one dtype, got float32\[1\] and int32\[1\]/);
    throws(() => lax.select(b, f, i), DTypeError, /branches of one dtype/);
    throws(() => lax.concatenate([f, i], 0), DTypeError, /one dtype/);
    throws(() => lax.pad(f, tensor(0, 'int32'), { low: [0], high: [0], interior: [0] }), DTypeError, /scalar float32/);
    throws(() => lax.dotGeneral(tensor([[1]]), tensor([[1]], 'int32'), dims), DTypeError, /one number dtype/);
    throws(() => lax.scatterAdd(f, tensor([0], 'int32'), i, 0), DTypeError, /updates of the operand's dtype/);
  });
  it('that do not exist', () => {
    throws(() => lax.zeros([2], 'float64' as never), DTypeError, /there is no dtype "float64": choose one of float32, int32, uint32, bool/);
    throws(() => lax.convert(f, 'int64' as never), DTypeError, /no dtype "int64"/);
    throws(() => lax.bitcast(f, 'int16' as never), DTypeError, /no dtype "int16"/);
  });
});

describe('values that are no tensors', () => {
  it('are named', () => {
    for (const bad of [undefined, null, 'x', [1, 2], {}, new Float32Array(2)]) {
      throws(() => lax.exp(bad as never), ArgumentError, /exp needs tensors, got /);
      throws(() => lax.add(tensor([1]), bad as never), ArgumentError, /add needs tensors, got /);
    }
    throws(() => lax.add(1, 2), DTypeError, /add of two numbers: compute it in JavaScript/);
  });
});

describe('memory from outside', () => {
  it('detached buffers', () => {
    const array = new Float32Array([1, 2]);
    structuredClone(array.buffer, { transfer: [array.buffer] });
    throws(() => fromTypedArray(array), ArgumentError, /the array is detached/);
    throws(() => jit((x: Float32Array) => x as unknown as Tensor)(array), ArgumentError, /the array is detached/);
  });
  it('lengths that do not fill the shape', () => {
    throws(() => fromTypedArray(new Float32Array(5), [2, 3]), ShapeError, /5 numbers do not fill the shape \[2, 3\], which has 6/);
  });
  it('kinds of array without a dtype', () => {
    for (const bad of [new BigInt64Array(1), new BigUint64Array(1), new DataView(new ArrayBuffer(4))])
      throws(() => fromTypedArray(bad), ArgumentError, /cannot make a tensor from a (Big|DataView)/);
  });
  it('shared and resizable buffers are read as they are now', () => {
    const shared = new Float32Array(new SharedArrayBuffer(8));
    shared.set([1, 2]);
    expect(fromTypedArray(shared).toArray()).toEqual([1, 2]);
    const Resizable = ArrayBuffer as unknown as new (n: number, o: { maxByteLength: number }) => ArrayBuffer;
    const buffer = new Resizable(8, { maxByteLength: 16 }) as ArrayBuffer & { resize(n: number): void };
    const view = new Float32Array(buffer);
    view.set([3, 4]);
    const t = fromTypedArray(view);
    buffer.resize(4);
    expect(t.toArray()).toEqual([3, 4]);
    expect(fromTypedArray(view).toArray()).toEqual([3]);
  });
});

describe('nothing at all', () => {
  it('a batch of zero goes through a whole step', () => {
    const step = jit((w: Tensor, x: Tensor, labels: Tensor) =>
      grad((k: Tensor) => {
        const [y] = lax.batchNorm(lax.dense(x, k), lax.full([3], 1), lax.zeros([3]), { epsilon: 1e-5, fastVariance: true });
        return lax.reduceSum(lax.softmaxCrossEntropy(lax.max(y, 0), labels)[0]);
      })(w),
    );
    const g = step(lax.full([4, 3], 0.5), lax.zeros([0, 4]), lax.zeros([0], 'int32'));
    expect(g.shape).toEqual([4, 3]);
    expect([...g.dataSync()].every((v) => v === 0)).toBe(true);
  });
  it('reductions of nothing have their neutral elements', () => {
    const none = lax.zeros([0]);
    expect([lax.reduceSum, lax.reduceProd, lax.reduceMax, lax.reduceMin].map((f) => f(none).item())).toEqual([0, 1, -Infinity, Infinity]);
  });
});

describe('transforms', () => {
  it('need functions', () => {
    throws(() => jit(undefined as never), ArgumentError, /jit needs a function, got undefined/);
    throws(() => grad(3 as never), ArgumentError, /grad needs a function, got 3/);
    throws(() => jit(() => Promise.resolve(tensor(1)))(), ArgumentError, /is async/);
  });
  it('need tensors they can differentiate', () => {
    throws(() => grad((x: Tensor) => x)(tensor(1, 'int32')), DTypeError, /grad requires float32 inputs/);
  });
  it('leave stray values alone', () => {
    expect(stopGradient({ a: 'x', b: null })).toEqual({ a: 'x', b: null });
    expect(tree.leaves(jit(() => [] as Tensor[])())).toEqual([]);
  });
});

it('backends that do not exist', () => {
  throws(() => setBackend('gpu9'), BackendError, /there is no backend "gpu9": choose one of cuda, cpu/);
  expect(lax.add(tensor(1), 1).item()).toBe(2);
});
