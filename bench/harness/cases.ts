/** What is measured: the models, the kernels, and what each would take on a machine that did nothing else. */

/** Dense-BatchNorm-relu for every width but the last, then Dense. */
export interface MlpCase {
  readonly name: string;
  readonly batch: number;
  readonly input: number;
  readonly widths: readonly number[];
}

export const mlpCases: readonly MlpCase[] = [
  { name: 'seed', batch: 32, input: 3, widths: [4, 2] },
  { name: 'small', batch: 64, input: 64, widths: [128, 128, 10] },
  { name: 'mnist', batch: 128, input: 784, widths: [512, 256, 10] },
  { name: 'wide', batch: 1024, input: 1024, widths: [1024, 1024, 10] },
  { name: 'bnheavy', batch: 8192, input: 256, widths: [256, 256, 10] },
];

/** C = A B, with A stored [k, m] if transA, B stored [n, k] if transB. */
export interface GemmKernel {
  readonly op: 'gemm';
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transA: boolean;
  readonly transB: boolean;
}
export interface DenseKernel {
  readonly op: 'dense' | 'denseGrad';
  readonly rows: number;
  readonly inputs: number;
  readonly features: number;
}
export interface BatchNormKernel {
  readonly op: 'batchNorm' | 'batchNormGrad';
  readonly rows: number;
  readonly features: number;
}
/** Dense, batch norm and relu together: as one program, or one program each. */
export interface BlockKernel {
  readonly op: 'block';
  readonly rows: number;
  readonly inputs: number;
  readonly features: number;
  readonly fused: boolean;
  readonly backward: boolean;
}
export type Kernel = GemmKernel | DenseKernel | BatchNormKernel | BlockKernel;

/** What the harness asks a peer to make ready. */
export type JobRequest =
  { readonly kind: 'train' | 'grad' | 'eval'; readonly case: MlpCase } | { readonly kind: 'kernel'; readonly kernel: Kernel };

/** Arithmetic and memory traffic that no implementation of the operation can avoid. */
export interface Work {
  readonly flops: number;
  readonly bytes: number;
  /** Bytes of distinct memory touched: which cache the traffic fits in. */
  readonly footprint: number;
}

const FLOAT = 4;
const ADAM_STREAMS = 6; // parameter, mu and nu, each read and written
const HIDDEN_STREAMS = 6; // written and read forward; the gradient written, both read for the reductions and again for the products, of which one is fused
const INPUT_STREAMS = 2; // read by the forward product and by the weight gradient

/** One train step: products forward, for the weights, and for the inputs of all layers but the first. */
export function trainWork({ batch, input, widths }: MlpCase): Work {
  let flops = 0;
  let parameters = 0;
  let hidden = 0;
  widths.forEach((width, i) => {
    const fanIn = i === 0 ? input : widths[i - 1]!;
    flops += 2 * batch * fanIn * width * (i === 0 ? 2 : 3);
    parameters += fanIn * width + width;
    if (i < widths.length - 1) {
      parameters += 2 * width;
      hidden += batch * width;
    }
  });
  return {
    flops,
    bytes: FLOAT * (ADAM_STREAMS * parameters + HIDDEN_STREAMS * hidden + INPUT_STREAMS * batch * input),
    footprint: FLOAT * (3 * parameters + 2 * hidden + batch * input),
  };
}

export function evalWork({ input, widths }: MlpCase, batch: number): Work {
  let flops = 0;
  let floats = batch * input;
  widths.forEach((width, i) => {
    const fanIn = i === 0 ? input : widths[i - 1]!;
    flops += 2 * batch * fanIn * width;
    floats += fanIn * width + width;
  });
  return { flops, bytes: FLOAT * floats, footprint: FLOAT * floats };
}

export function kernelWork(k: Kernel): Work {
  const of = (flops: number, floats: number): Work => ({ flops, bytes: FLOAT * floats, footprint: FLOAT * floats });
  switch (k.op) {
    case 'gemm':
      return of(2 * k.m * k.n * k.k, k.m * k.k + k.k * k.n + k.m * k.n);
    case 'dense':
      return of(2 * k.rows * k.inputs * k.features, k.rows * (k.inputs + k.features) + k.inputs * k.features);
    case 'denseGrad':
      return of(4 * k.rows * k.inputs * k.features, k.rows * (2 * k.inputs + k.features) + 2 * k.inputs * k.features);
    case 'batchNorm':
      return of(0, 2 * k.rows * k.features);
    case 'batchNormGrad':
      return of(0, 3 * k.rows * k.features);
    case 'block': {
      const { rows, inputs, features } = k;
      const products = k.backward ? 3 : 1;
      const streams = rows * (k.backward ? 3 * inputs + 5 * features : inputs + 2 * features);
      return of(2 * products * rows * inputs * features, streams + inputs * features * products);
    }
  }
}

const gemm = (m: number, n: number, k: number, trans = ''): GemmKernel => ({
  op: 'gemm',
  m,
  n,
  k,
  transA: trans === 'tn',
  transB: trans === 'nt',
});

/** Square products, and each product of a case's train step: forward, weight gradient (tn), input gradient (nt). */
export function gemmKernels(cases: readonly MlpCase[]): { square: GemmKernel[]; layers: GemmKernel[] } {
  const layers = new Map<string, GemmKernel>();
  for (const { batch, input, widths } of cases) {
    widths.forEach((width, i) => {
      const fanIn = i === 0 ? input : widths[i - 1]!;
      const products = [gemm(batch, width, fanIn), gemm(fanIn, width, batch, 'tn')];
      if (i > 0) products.push(gemm(batch, fanIn, width, 'nt'));
      for (const p of products) layers.set(kernelName(p), p);
    });
  }
  return { square: [512, 1024, 2048].map((n) => gemm(n, n, n)), layers: [...layers.values()] };
}

/** Dense and batch norm, both ways, at the shapes of the cases' hidden layers. */
export function layerKernels(cases: readonly MlpCase[]): Kernel[] {
  const kernels = new Map<string, Kernel>();
  for (const { batch: rows, input, widths } of cases) {
    widths.forEach((features, i) => {
      const inputs = i === 0 ? input : widths[i - 1]!;
      const found: Kernel[] = [
        { op: 'dense', rows, inputs, features },
        { op: 'denseGrad', rows, inputs, features },
      ];
      if (i < widths.length - 1) found.push({ op: 'batchNorm', rows, features }, { op: 'batchNormGrad', rows, features });
      for (const k of found) kernels.set(kernelName(k), k);
    });
  }
  return [...kernels.values()];
}

/** "gemm tn 64x128x64", "dense 64x64x128", "batchNorm 64x128". */
export function kernelName(k: Kernel): string {
  switch (k.op) {
    case 'gemm':
      return `gemm ${k.transA ? 't' : 'n'}${k.transB ? 't' : 'n'} ${k.m}x${k.n}x${k.k}`;
    case 'block':
      return `dense+batchNorm+relu${k.backward ? ' and gradient' : ''} ${k.rows}x${k.inputs}x${k.features}`;
    case 'dense':
    case 'denseGrad':
      return `${k.op} ${k.rows}x${k.inputs}x${k.features}`;
    default:
      return `${k.op} ${k.rows}x${k.features}`;
  }
}
