/** Single operations: the matrix product against OpenBLAS and oneDNN, whole layers against PyTorch's, and what fusing a block is worth. */
import { gemmKernels, kernelName, kernelWork, layerKernels, type BlockKernel, type Kernel } from '../harness/cases.js';
import { columnsOf, compare, type Column, type Context, type RowPlan } from '../harness/context.js';
import type { Section } from '../harness/results.js';

const rowOf = (columns: readonly Column[], kernel: Kernel): RowPlan => ({
  name: kernelName(kernel),
  work: kernelWork(kernel),
  requests: Object.fromEntries(columns.map(({ key }) => [key, { kind: 'kernel', kernel }])),
});

export function gemm(context: Context): Promise<Section> {
  const columns = columnsOf(context, ['flaxen', 'numpy', 'torch']);
  const { square, layers } = gemmKernels(context.cases);
  const rows = [...square, ...layers].map((k) => rowOf(columns, k));
  return compare(context, { id: 'gemm', title: 'Matrix product m x n x k, written to memory that is there', columns, rows });
}

export function layers(context: Context): Promise<Section> {
  const columns = columnsOf(context, ['flaxen', 'torch']);
  const rows = layerKernels(context.cases).map((k) => rowOf(columns, k));
  return compare(context, { id: 'kernels', title: 'Dense rows x inputs x features and batch norm rows x features, forward and backward', columns, rows }); // prettier-ignore
}

export function fusion(context: Context): Promise<Section> {
  const spec = context.peers.find((p) => p.id === 'flaxen');
  const columns = spec
    ? [
        { key: 'fused', title: 'one program', spec },
        { key: 'parts', title: 'a program each', spec },
      ]
    : [];
  const rows = [false, true].map((backward): RowPlan => {
    const block: BlockKernel = { op: 'block', rows: 8192, inputs: 256, features: 256, fused: true, backward };
    return {
      name: kernelName(block),
      work: kernelWork(block),
      requests: { fused: { kind: 'kernel', kernel: block }, parts: { kind: 'kernel', kernel: { ...block, fused: false } } },
    };
  });
  return compare(context, { id: 'fusion', title: "flaxen's dense, batch norm and relu at the bnheavy shapes", columns, rows });
}
