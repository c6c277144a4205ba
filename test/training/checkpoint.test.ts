import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jit, lax, optim, training, tree, type Tensor } from 'flaxen';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flaxen-checkpoint-'));
});
afterAll(() => rm(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const floats = (...shape: number[]): Tensor =>
  lax.sin(lax.convert(lax.reshape(lax.iota([shape.reduce((n, d) => n * d, 1)]), shape), 'float32'));
const sample = () => ({
  w: floats(3, 4),
  nested: [{ i: lax.iota([5]), 'a/b~c': lax.full([], NaN) }, null],
  bits: lax.full([2], 4294967295, 'uint32'),
  mask: lax.gt(floats(6), 0),
  empty: lax.zeros([0, 7]),
  epoch: 3,
  rate: Infinity,
  done: true,
  note: 'día',
});
const plain = (t: unknown): unknown => tree.map((x: unknown) => (typeof x === 'object' ? [x!.toString(), (x as Tensor).toArray()] : x), t);

test('a tree comes back as it was, to the bit', async () => {
  const value = sample();
  await training.saveCheckpoint(at('tree'), value);
  const zeros = { ...tree.map((x: unknown) => (typeof x === 'object' ? lax.zeros((x as Tensor).shape, (x as Tensor).dtype) : x), value) };
  const back = await training.restoreCheckpoint(at('tree'), { ...zeros, epoch: 0, rate: 0, done: false, note: '' });
  expect(plain(back)).toEqual(plain(value));
  expect(await readdir(folder)).toEqual(['tree']); // nothing temporary is left
});

test('without a target nested objects come back', async () => {
  await training.saveCheckpoint(at('loose'), { params: { Dense_0: { kernel: floats(2, 2) } }, list: [floats(1)], epoch: 2 });
  const back = await training.restoreCheckpoint(at('loose'));
  expect(tree.leavesWithPath(back).map(([path]) => tree.formatPath(path))).toEqual(['epoch', 'list/0', 'params/Dense_0/kernel']);
});

test('a TrainState comes back as one and trains on; saving reads before a donation', async () => {
  const tx = optim.adam(0.1);
  const make = () => training.TrainState.create({ applyFn: Math.max, params: { w: floats(4) }, batch_stats: { mean: floats(2) }, tx });
  type State = ReturnType<typeof make>;
  const step = jit((s: State) => s.applyGradients({ grads: s.params }), { donate: [0] });
  const first = step(make());
  const numbers = plain(first);
  const saved = training.saveCheckpoint(at('state'), first);
  const second = step(first);
  await saved;
  const restored = await training.restoreCheckpoint(at('state'), make());
  expect(plain(restored)).toEqual(numbers);
  expect(plain(step(restored))).toEqual(plain(second));
  expect(step.cacheSize()).toBe(1);
});

test('the file is in the safetensors format', async () => {
  await training.saveCheckpoint(at('format'), { b: { k: lax.full([2], 1.5) }, a: lax.full([1], 1, 'bool') });
  const bytes = await readFile(at('format'));
  const length = Number(bytes.readBigUInt64LE());
  expect(length % 8).toBe(0);
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString()) as Record<string, unknown>;
  expect(header).toMatchObject({
    a: { dtype: 'BOOL', shape: [1], data_offsets: [0, 1] },
    'b/k': { dtype: 'F32', shape: [2], data_offsets: [1, 9] },
  });
  expect(bytes.subarray(8 + length)).toEqual(Buffer.from([1, 0, 0, 0xc0, 0x3f, 0, 0, 0xc0, 0x3f]));
});

describe('mistakes', () => {
  const restore = training.restoreCheckpoint as (file: string, target?: unknown) => Promise<unknown>;
  test('a target that does not fit', async () => {
    await training.saveCheckpoint(at('fit'), { w: floats(2), n: 1 });
    await expect(restore(at('fit'), { w: floats(2), n: 1, v: floats(1) })).rejects.toThrow(/lacks v, which the target has/);
    await expect(restore(at('fit'), { n: 1 })).rejects.toThrow(/has w, which the target lacks/);
    await expect(restore(at('fit'), { w: floats(3), n: 1 })).rejects.toThrow(/has float32\[2\] at w, the target float32\[3\]/);
    await expect(restore(at('fit'), { w: lax.zeros([2], 'int32'), n: 1 })).rejects.toThrow(/shape and dtype must agree/);
    await expect(restore(at('fit'), { w: floats(2), n: 'x' })).rejects.toThrow(/has a number at n, the target a string/);
  });
  test('leaves that no file holds', async () => {
    await expect(training.saveCheckpoint(at('bad'), { f: () => 0 })).rejects.toThrow(/got a function at f/);
    await expect(training.saveCheckpoint(at('bad'), { __metadata__: 1 })).rejects.toThrow(/named "__metadata__"/);
    const { CheckpointError } = training;
    const rejects = async (made: Promise<unknown>, message: RegExp): Promise<void> => {
      await expect(made).rejects.toThrow(message);
      await expect(made).rejects.toBeInstanceOf(CheckpointError);
    };
    await rejects(training.saveCheckpoint(folder, { w: floats(1) }), /cannot write the checkpoint .*: /);
    await rejects(training.saveCheckpoint(at('bad'), undefined), /needs a tree to save, got undefined/);
    await rejects(training.saveCheckpoint({ w: floats(1) } as never, at('bad')), /the first argument is the path .*, got object/);
    await rejects(restore(at('absent')), /there is no checkpoint .*absent/);
    await rejects(restore(folder), /cannot read the checkpoint .*EISDIR/);
  });
  test('every truncation and every flipped byte is found', async () => {
    await training.saveCheckpoint(at('whole'), { w: floats(2), s: lax.iota([3]) });
    const bytes = await readFile(at('whole'));
    for (let n = 0; n < bytes.length; n += n < 16 ? 1 : 7) {
      await writeFile(at('damaged'), bytes.subarray(0, n));
      await expect(restore(at('damaged')), `cut to ${n}`).rejects.toThrow(training.CheckpointError);
    }
    const length = Number(bytes.readBigUInt64LE());
    for (let n = 8 + length; n < bytes.length; n++) {
      const changed = Buffer.from(bytes);
      changed[n]! ^= 1;
      await writeFile(at('damaged'), changed);
      await expect(restore(at('damaged')), `byte ${n}`).rejects.toThrow(/checksum/);
    }
    await writeFile(at('damaged'), Buffer.concat([bytes, Buffer.from([0])]));
    await expect(restore(at('damaged'))).rejects.toThrow(/its header describes/);
  });
  test('headers that lie', async () => {
    const write = async (header: unknown, data = 8): Promise<void> => {
      const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
      const size = Buffer.alloc(8);
      size.writeBigUInt64LE(BigInt(json.length));
      await writeFile(at('lie'), Buffer.concat([size, json, Buffer.alloc(data)]));
    };
    const f32 = (shape: unknown, data_offsets: unknown) => ({ dtype: 'F32', shape, data_offsets });
    const cases: [unknown, RegExp][] = [
      ['[1, 2', /not JSON/],
      ['[1, 2]', /no JSON object/],
      [{ w: 3 }, /not described/],
      [{ w: f32([2], [0, 9]) }, /said to be at 0 to 9 of 8/],
      [{ w: f32([3], [0, 8]) }, /said to be/],
      [{ w: f32([-2], [0, 8]) }, /not described/],
      [{ w: f32([1e300, 1e300], [0, 8]) }, /not described/],
      [{ w: f32([2], [8, 0]) }, /said to be/],
      [{ w: f32([1], [0, 4]), v: f32([1], [0, 4]) }, /overlap/],
      [{ w: f32([1], [4, 8]) }, /overlap or leave a gap/],
      [{ w: f32([1], [0, 4]) }, /its header describes 4/],
      [{ w: { dtype: 'F16', shape: [4], data_offsets: [0, 8] } }, /dtype F16, which flaxen has not: convert/],
      [{ w: f32([1, 1, 1, 1, 1, 1, 1, 1, 2], [0, 8]) }, /not described/],
    ];
    for (const [header, message] of cases) {
      await write(header);
      await expect(restore(at('lie')), JSON.stringify(header)).rejects.toThrow(message);
    }
    await write({ w: f32([2], [0, 8]) });
    expect((await restore(at('lie'))) as { w: Tensor }).toMatchObject({ w: { aval: { shape: [2] } } });
  });
});

test('a folder that is not there is made', async () => {
  const file = at(join('runs', '1', 'model.safetensors'));
  await training.saveCheckpoint(file, { n: 1 });
  expect(await training.restoreCheckpoint(file, { n: 0 })).toEqual({ n: 1 });
});
