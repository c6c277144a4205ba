/** The CUDA backend on the simulated device: the library's own host code and the PTX of its kernels, behind a stand-in for the CUDA runtime. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { backendInfo, errors, grad, jit, nn, np, optim, random, setBackend, training, tree, valueAndGrad, type Tensor } from 'flaxen';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examineLibrary, memoryLimit } from '../../lib/backends/cuda/load.js';
import { CudaBackend } from '../../lib/backends/cuda/index.js';
import { SplitExecutable } from '../../lib/backends/cuda/split.js';
import { loadAddon } from '../../lib/backends/native.js';
import { packageRoot } from '../../lib/backends/package.js';
import { currentBackend } from '../../lib/backends/select.js';
import type { CudaLibraryInfo } from '../../typings/addon.js';

const simulator = join(packageRoot, 'build', 'Release', 'libflaxen_cuda_sim.so');

describe.skipIf(!existsSync(simulator))('on the simulated device', () => {
  const before = { ...process.env };
  beforeAll(() => {
    process.env.FLAXEN_CUDA_SIM ??= '1';
    setBackend('cuda');
  });
  afterAll(() => {
    process.env = before;
  });
  const device = () => (currentBackend() as CudaBackend).device;

  type Precision = 'default' | 'highest' | 'bfloat16';
  const Model = nn.module('Model', ({ precision }: { precision: Precision }) => (x: Tensor, { train }: { train: boolean }) => {
    x = nn.Dense({ features: 8, precision })(x);
    x = nn.BatchNorm({ useRunningAverage: !train, momentum: 0.9 })(x);
    return nn.Dense({ features: 3, precision })(nn.relu(x));
  });

  /** The losses of a few steps of the guide's train step. */
  function train(backend: string, donate: boolean, precision: Precision): number[] {
    setBackend(backend);
    const model = Model({ precision });
    const images = random.normal(random.PRNGKey(1), [16, 5]);
    const labels = random.randint(random.PRNGKey(2), [16], 0, 3);
    const { params, batch_stats } = model.init(random.PRNGKey(0), images, { train: false });
    let state = training.TrainState.create({ applyFn: model.apply, params, batch_stats, tx: optim.adam(1e-2) });
    const step = jit(
      (state_: typeof state, image: Tensor, label: Tensor) => {
        const lossFn = (params_: typeof params) => {
          const [logits, updates] = state_.applyFn({ params: params_, batch_stats: state_.batch_stats }, image, { train: true, mutable: ['batch_stats'] }); // prettier-ignore
          return [optim.softmaxCrossEntropyWithIntegerLabels(logits, label).mean(), updates] as const;
        };
        const [[loss, updates], grads] = valueAndGrad(lossFn, { hasAux: true })(state_.params);
        return [state_.applyGradients({ grads }).replace({ batch_stats: updates.batch_stats }), loss] as const;
      },
      donate ? { donate: [0] } : {},
    );
    const losses: Tensor[] = [];
    for (let i = 0; i < 6; i++) {
      const [next, loss] = step(state, images, labels);
      state = next;
      losses.push(loss);
    }
    setBackend('cuda');
    return losses.map((loss) => loss.item() as number);
  }

  it('the backend says what it runs on', () => {
    expect(backendInfo()).toMatchObject({ name: 'cuda', reason: 'setBackend("cuda")' });
    expect(currentBackend()).toBeInstanceOf(CudaBackend);
  });

  it.each<[Precision, boolean, number]>([
    ['default', true, 5e-3],
    ['default', false, 5e-3],
    ['highest', true, 1e-5],
    ['bfloat16', true, 5e-2],
  ])(
    "the guide's train step at precision %s (donated: %s) gives the losses of the C++ kernels within %s",
    (precision, donate, tolerance) => {
      const cuda = train('cuda', donate, precision);
      const cpu = train('cpu', donate, precision);
      cuda.forEach((loss, i) => expect(Math.abs(loss - cpu[i]!)).toBeLessThan(tolerance));
      expect(cuda[5]!).toBeLessThan(cuda[0]!);
    },
  );

  it("products find a batch norm's statistics and a bias's gradient on the way", () => {
    const model = Model({ precision: 'default' });
    const x = np.ones([16, 5]);
    const { params, batch_stats } = model.init(random.PRNGKey(0), x, { train: false });
    const loss = (of: typeof params) => model.apply({ params: of, batch_stats }, x, { train: true, mutable: ['batch_stats'] })[0].sum();
    const text = jit(valueAndGrad(loss)).lower(params).asText();
    expect(text).toMatch(/fused\.dense .*16x8x5\n +y = x \* kernel \+ bias; statistics of y; y through batch norm and relu/);
    expect(text).toMatch(/fused\.denseGrad .*\n +dkernel = x\^T \* dy; dbias/);
  });

  it('at precision bfloat16 operands are rounded, gradients included, and sums are not', () => {
    const Layer = nn.Dense({ features: 6, useBias: false, precision: 'bfloat16' });
    const x = random.normal(random.PRNGKey(20), [5, 40]);
    const variables = Layer.init(random.PRNGKey(21), x);
    const rounded = (t: Tensor) => {
      const bits = new Uint32Array(Float32Array.from(t.dataSync()).buffer).map((b) => (b + 0x7fff + ((b >>> 16) & 1)) & 0xffff0000);
      return np.array(Array.from(new Float32Array(bits.buffer))).reshape(t.shape);
    };
    const [params, ct] = [variables.params.kernel as Tensor, random.normal(random.PRNGKey(22), [5, 6])];
    const f = jit((kernel: Tensor) =>
      valueAndGrad((k: Tensor) =>
        Layer.apply({ params: { kernel: k } }, x)
          .mul(ct)
          .sum(),
      )(kernel),
    );
    const [value, gradient] = f(params);
    expect(
      f
        .lower(params)
        .asText()
        .match(/5x6x40, bfloat16|40x6x5, bfloat16/g),
    ).toHaveLength(2);
    setBackend('cpu');
    const [near, exact] = [rounded(x).matmul(rounded(params)).mul(ct).sum(), x.matmul(params).mul(ct).sum()];
    const gradients = [rounded(x).transpose().matmul(rounded(ct)), x.transpose().matmul(ct)].map((t) => Array.from(t.dataSync()));
    setBackend('cuda');
    const off = (got: number[], wanted: number[]) => Math.max(...got.map((v, i) => Math.abs(v - wanted[i]!)));
    expect(off([value.item() as number], [near.item() as number])).toBeLessThan(1e-4);
    expect(off([value.item() as number], [exact.item() as number])).toBeGreaterThan(1e-3);
    expect(off(Array.from(gradient.dataSync()), gradients[0]!)).toBeLessThan(1e-5);
    expect(off(Array.from(gradient.dataSync()), gradients[1]!)).toBeGreaterThan(1e-3);
  });

  it('FLAXEN_MATMUL_PRECISION is that of the products that ask for none', () => {
    const x = np.ones([2, 3]);
    const text = (asked?: 'highest') => {
      const Layer = nn.Dense({ features: 4, ...(asked && { precision: asked }) });
      const variables = Layer.init(random.PRNGKey(0), x);
      return jit((v: typeof variables) => Layer.apply(v, x))
        .lower(variables)
        .asText();
    };
    const given = process.env.FLAXEN_MATMUL_PRECISION;
    try {
      process.env.FLAXEN_MATMUL_PRECISION = 'bfloat16';
      expect(text()).toContain('2x4x3, bfloat16');
      expect(text('highest')).toContain('2x4x3, float32');
      process.env.FLAXEN_MATMUL_PRECISION = 'half';
      expect(() => text()).toThrow('FLAXEN_MATMUL_PRECISION must be default, high, highest or bfloat16, got "half"');
    } finally {
      if (given === undefined) delete process.env.FLAXEN_MATMUL_PRECISION;
      else process.env.FLAXEN_MATMUL_PRECISION = given;
    }
  });

  /** The same on both backends, within round-off; what `cuda` compiled to is returned. */
  function agree<T>(f: (...args: Tensor[]) => T, args: readonly Tensor[]): string {
    const [cuda, cpu] = ['cuda', 'cpu'].map((backend) => {
      setBackend(backend);
      return tree.leaves(jit(f)(...args)).map((leaf) => Array.from((leaf as Tensor).dataSync() as Float32Array));
    });
    setBackend('cuda');
    expect(cuda!.length).toBe(cpu!.length);
    cuda!.forEach((values, i) => values.forEach((value, j) => expect(value).toBeCloseTo(cpu![i]![j]!, 4)));
    return jit(f)
      .lower(...args)
      .asText()
      .split('\nprogram\n')[1]!;
  }
  const normal = (seed: number, shape: number[]) => random.normal(random.PRNGKey(seed), shape);

  it('relu is part of the product before it', () => {
    const Layers = nn.module('Layers', () => (x: Tensor) => nn.Dense({ features: 5, precision: 'highest' })(nn.relu(nn.Dense({ features: 33, precision: 'highest' })(x)))); // prettier-ignore
    const x = normal(7, [17, 9]);
    const { params } = Layers().init(random.PRNGKey(0), x);
    const loss = (...leaves: Tensor[]) => Layers().apply({ params: tree.unflatten(tree.structure(params), leaves) as typeof params }, x).sum(); // prettier-ignore
    const text = agree((...leaves: Tensor[]) => valueAndGrad((list: Tensor[]) => loss(...list))(leaves), tree.leaves(params) as Tensor[]);
    expect(text).toMatch(/fused\.dense .*17x33x9, float32\n +y = relu\(x \* kernel \+ bias\)\n/);
    expect(text.match(/select\(/g)).toHaveLength(1); // of the gradient alone
  });

  it('the gradient of a mean cross entropy is one kernel, without an array of cotangents', () => {
    const inside = np.array([0, 9, -1, 3], 'int32');
    const labels = np.array([0, 9, -1, 3, 10], 'int32');
    const mean = (x: Tensor) => optim.softmaxCrossEntropyWithIntegerLabels(x, inside).mean();
    const weighted = (x: Tensor, w: Tensor) => optim.softmaxCrossEntropyWithIntegerLabels(x, labels).mul(w).sum();
    const text = agree((x: Tensor) => grad(mean)(x), [normal(8, [4, 10])]);
    expect(text).toMatch(/= fused\.softmaxCrossEntropyGrad dloss=0\.25 \(%\d+, %\d+, %\d+\)/);
    expect(text).not.toContain('fused.elementwise');
    const more = agree((x: Tensor, w: Tensor) => grad(weighted)(x, w), [normal(9, [5, 10]), np.array([1, 2, -3, 0, 0])]);
    expect(more).toMatch(/= softmaxCrossEntropyGrad \(/);
  });

  it.each([1, 0, -2])('batch norm with features along axis %i takes arrays as they lie, and so does its gradient', (axis) => {
    const Norm = nn.module('Norm', () => (x: Tensor) => nn.relu(nn.BatchNorm({ axis, useRunningAverage: false })(x)));
    const x = normal(10, [6, 3, 5, 7]);
    const ct = normal(11, [6, 3, 5, 7]);
    const variables = Norm().init(random.PRNGKey(0), x);
    const loss = (x: Tensor) =>
      Norm()
        .apply(variables, x, { mutable: ['batch_stats'] })[0]
        .mul(ct)
        .sum();
    const text = agree((x: Tensor) => valueAndGrad(loss)(x), [x]);
    const place = `features along axis ${axis < 0 ? axis + 4 : axis}`;
    expect(text).toMatch(new RegExp(`fused\\.batchNormRelu .*\\n +${place}`));
    expect(text).toMatch(new RegExp(`fused\\.batchNormReluGrad .*\\n +${place}`));
    expect(text).not.toContain('transpose');
  });

  it('a layer too long for that leaves the statistics to the batch norm', () => {
    const x = random.normal(random.PRNGKey(5), [6, 4100]);
    const model = Model({ precision: 'highest' });
    const variables = model.init(random.PRNGKey(0), x, { train: false });
    const [cuda, cpu] = ['cuda', 'cpu'].map((backend) => {
      setBackend(backend);
      const [y] = jit((of: typeof variables) => model.apply(of, x, { train: true, mutable: ['batch_stats'] }))(variables);
      return Array.from(y.dataSync());
    });
    setBackend('cuda');
    cuda!.forEach((value, i) => expect(value).toBeCloseTo(cpu![i]!, 5));
  });

  it('a program that runs again is captured, and gives the same bits on new arrays', async () => {
    const f = jit((x: Tensor, w: Tensor) => nn.relu(x.matmul(w)).sum(0));
    const x = random.normal(random.PRNGKey(3), [4, 7]);
    const w = random.normal(random.PRNGKey(4), [7, 5]);
    const first = f(x, w).toArray();
    for (let run = 0; run < 3; run++) expect(await f(x, w).data()).toEqual(Float32Array.from(first as number[]));
    expect(f(x.mul(1), w.mul(1)).toArray()).toEqual(first);
  });

  it('device memory stays flat in a synchronous loop of 10,000 steps, donated or not', () => {
    const step = jit((x: Tensor) => x.mul(0.5).add(1));
    const inPlace = jit((x: Tensor) => x.mul(0.5).add(1), { donate: [0] });
    for (const f of [step, inPlace]) {
      let x = np.ones([64]);
      let most = 0;
      for (let i = 0; i < 10_000; i++) {
        x = f(x);
        if (i % 100 === 0) most = Math.max(most, device().stats().usedBytes);
      }
      expect(x.dataSync()[0]).toBe(2);
      expect(most).toBeLessThan(64 * 2 ** 20);
    }
  }, 240_000);

  it('running out of memory names the sizes, and leaves the device usable', () => {
    const small = new CudaBackend(new (loadAddon().CudaDevice)(simulator, 0, 8 * 2 ** 20));
    const keep = [small.fromHost(new Float32Array(2 ** 20), 'float32')];
    expect(() => keep.push(small.fromHost(new Float32Array(2 ** 20 + 1), 'float32'))).toThrow(errors.MemoryError);
    expect(() => small.fromHost(new Float32Array(2 ** 21), 'float32')).toThrow(
      /out of device memory: 8 MiB more were asked for; arrays use 4 MiB, \d+ \w+ are kept for reuse, .* the limit is 8 MiB/,
    );
    expect(small.readSync(small.fromHost(Float32Array.of(1, 2), 'float32'))).toEqual(Float32Array.of(1, 2));
    keep.pop();
    // What nobody holds makes room, in the middle of a synchronous loop.
    for (let i = 0; i < 10; i++) small.fromHost(new Float32Array(2 ** 19), 'float32');
  });

  it('tensors move between backends when they are used', () => {
    setBackend('cpu');
    const x = np.array([1, 2, 3]);
    setBackend('cuda');
    const y = x.add(1);
    setBackend('cpu');
    expect(y.mul(2).toArray()).toEqual([4, 6, 8]);
    setBackend('cuda');
  });

  it('a node without a kernel runs on the host, and the text shows the split', () => {
    setBackend('cpu');
    const host = currentBackend();
    setBackend('cuda');
    const cuda = currentBackend() as CudaBackend;
    const aval = { shape: [3], dtype: 'float32' } as const;
    const graph = {
      inputs: [aval],
      nodes: ['neg', 'exp', 'neg'].map((op, i) => ({ op, inputs: [i], params: {}, outputs: [aval] })),
      outputs: [3, 2],
      donated: [0],
    };
    const split = new SplitExecutable(cuda, host, graph, ({ op }) => op !== 'exp');
    const results = split.run([cuda.fromHost(Float32Array.of(0, 1, 2), 'float32')]);
    expect(results.map((buffer) => Array.from(buffer.backend.readSync(buffer)))).toEqual([
      [-1, -Math.fround(Math.exp(-1)), -Math.fround(Math.exp(-2))],
      [1, Math.fround(Math.exp(-1)), Math.fround(Math.exp(-2))],
    ]);
    expect(results.every((buffer) => buffer.backend === cuda)).toBe(true);
    expect(split.text()).toMatch(/^split in 3 segments: exp run on cpu\n\nsegment 1, cuda: %0 -> %1\n/);
  });

  it('worker threads have devices of their own, beside one another', async () => {
    const work = `
      const { workerData: { root, path, seed }, parentPort } = require('node:worker_threads');
      const addon = require(root + '/node_modules/node-gyp-build')(root);
      const device = new addon.CudaDevice(path, 0, 1 << 24);
      const aval = { shape: [64], dtype: 'float32' };
      const program = device.compile({ inputs: [aval], nodes: [{ op: 'neg', inputs: [0], params: {}, outputs: [aval] }], outputs: [1], donated: [] });
      const owner = {};
      const id = device.allocate(owner, 256);
      (async () => {
        for (let i = 0; i < 50; i++) {
          device.write(id, new Float32Array(64).fill(seed + i));
          const arrays = Uint32Array.of(id, 0);
          const result = {};
          device.run(program, arrays, [result]);
          const read = await device.read(arrays[1], new Float32Array(64));
          if (read.some((x) => x !== -(seed + i))) throw new Error('got ' + read[0] + ' of ' + (seed + i));
        }
        parentPort.postMessage('done');
      })();`;
    const workers = [1000, 2000, 3000].map((seed) => {
      const worker = new Worker(work, { eval: true, workerData: { root: packageRoot, path: simulator, seed } });
      return new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    });
    expect(await Promise.all(workers)).toEqual(['done', 'done', 'done']);
  });

  it('bad arguments from JavaScript are errors', () => {
    const d = device();
    const program = d.compile({ inputs: [{ shape: [4], dtype: 'float32' }], nodes: [{ op: 'neg', inputs: [0], params: {}, outputs: [{ shape: [4], dtype: 'float32' }] }], outputs: [1], donated: [0] }) as never; // prettier-ignore
    expect(() => d.run(program, Uint32Array.of(99999, 0), [])).toThrow('input 0 is array 99999, which is not there');
    expect(() => d.run(program, Uint32Array.of(1), [])).toThrow('a number for each input and output');
    const owner = {};
    const id = d.allocate(owner, 8);
    expect(() => d.run(program, Uint32Array.of(id, 0), [])).toThrow(/input 0 needs 16 bytes, its array has 8/);
    expect(() => d.write(id, new Float32Array(3))).toThrow(RangeError);
    expect(() => d.allocate(owner, -1)).toThrow(RangeError);
    expect(() => d.run({} as never, Uint32Array.of(id, 0), [])).toThrow('not a CudaProgram');
    expect(tree.leaves(owner)).toEqual([]);
  });
});

describe('why CUDA is not used, in a line', () => {
  const finds = (info: Partial<CudaLibraryInfo>) => () =>
    examineLibrary({ cudaLibrary: () => ({ driver: 13000, runtime: 13000, error: 0, errorText: '', devices: [], ...info }) }, 'x.so');
  const turing = { name: 'Some GPU', capability: 75, processors: 40, memory: 2 ** 33 };

  it.each<[string, Partial<CudaLibraryInfo>]>([
    ['there is no NVIDIA driver; flaxen needs one for CUDA 13.0', { error: 35, driver: 0 }],
    ['the NVIDIA driver is too old: it supports CUDA 12.4; flaxen needs one for CUDA 13.0', { error: 35, driver: 12040 }],
    ['there is no CUDA device', { error: 100 }],
    [
      'Old GPU has compute capability 6.1; flaxen needs 7.5 (Turing) or newer',
      { devices: [{ ...turing, name: 'Old GPU', capability: 61 }] },
    ],
    ['CUDA does not start: it is broken (error 999)', { error: 999, errorText: 'it is broken' }],
  ])('%s', (why, info) => {
    expect(finds(info)).toThrow(errors.UnavailableError);
    expect(finds(info)).toThrow(why);
  });

  it('a supported device among others is taken', () => {
    expect(finds({ devices: [{ ...turing, capability: 61 }, turing] })().devices).toHaveLength(2);
  });

  const library = join(packageRoot, 'build', 'Release', 'libflaxen_cuda.so');
  // Where the simulator was built, nvcc was there, and the library was to be built as well.
  it.skipIf((!existsSync(library) && !existsSync(simulator)) || loadAddon().hasCudaDriver())(
    'the library opens without a driver, and says that there is none',
    () => {
      expect(loadAddon().cudaLibrary(library)).toMatchObject({ driver: 0, error: 35, devices: [] });
      expect(() => examineLibrary(loadAddon(), library)).toThrow('there is no NVIDIA driver; flaxen needs one for CUDA 13.0');
    },
  );

  it('a library that does not open', () => {
    expect(() => examineLibrary(loadAddon(), '/no/such/library.so')).toThrow(/the CUDA library cannot be used: .*no\/such\/library/);
  });
});

it('FLAXEN_CUDA_MEMORY_LIMIT is a size', () => {
  expect(['', '2000', '1.5GB', '512MiB', '4kb'].map((text) => memoryLimit(text))).toEqual([0, 2000, 1.5e9, 512 * 2 ** 20, 4000]);
  expect(() => memoryLimit('much')).toThrow('FLAXEN_CUDA_MEMORY_LIMIT must be a size such as 2000000000, 8GB or 512MiB, got "much"');
});
