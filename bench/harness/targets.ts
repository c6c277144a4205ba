/** What the project set out to reach: ratios of medians of one run. */
import { valueOf, type Section, type Target } from './results.js';

const AGAINST_FLAX: Record<string, number> = { seed: 0.12, small: 0.35, mnist: 0.65, wide: 0.75, bnheavy: 0.5 };
const AGAINST_TFJS: Record<string, number> = { mnist: 0.1, wide: 0.4 };
const ON_TFJS = 1; // on the same kernels as a model written by hand
const AGAINST_TORCH = 0.8;
const FIRST_CALL = 0.1;
const GEMM_SQUARE = 1 / 0.95;
const GEMM_LAYERS = 1;
const FUSED = 0.6;
const EVAL_ONE_MS = 0.06;

export function targets(sections: readonly Section[]): Target[] {
  const list: Target[] = [];
  const each = (id: string, of: (row: Section['rows'][number]) => void): void => sections.find((s) => s.id === id)?.rows.forEach(of);
  const ratio = (what: string, row: Section['rows'][number], ours: string, theirs: string, limit: number): void => {
    const [a, b] = [valueOf(row.cells[ours]), valueOf(row.cells[theirs])];
    list.push({ what, measured: a === null || b === null ? null : a / b, limit, unit: 'ratio' });
  };
  each('train', (row) => {
    const against = (peer: string, title: string, limit: number | undefined): void => {
      if (limit !== undefined && row.cells[peer]) ratio(`train ${row.name} / ${title}`, row, 'flaxen', peer, limit);
    };
    against('flax', 'Flax jit', AGAINST_FLAX[row.name]);
    against('tfjs', 'tfjs-node', AGAINST_TFJS[row.name]);
    if (row.cells.tfjs && row.cells['flaxen-tfjs'])
      ratio(`train ${row.name}, flaxen on tfjs-node / tfjs-node`, row, 'flaxen-tfjs', 'tfjs', ON_TFJS);
    against('torch', 'PyTorch eager', AGAINST_TORCH);
    against('torch-compile', 'torch.compile', AGAINST_TORCH);
  });
  each('first', (row) => ratio(`first call ${row.name} / Flax jit`, row, 'flaxen', 'flax', FIRST_CALL));
  each('gemm', (row) => {
    const square = /^gemm nn (\d+)x\1x\1$/.test(row.name);
    ratio(`${row.name} / OpenBLAS`, row, 'flaxen', 'numpy', square ? GEMM_SQUARE : GEMM_LAYERS);
    if (!square) ratio(`${row.name} / torch.mm`, row, 'flaxen', 'torch', GEMM_LAYERS);
  });
  each('fusion', (row) => ratio(`${row.name}, fused / unfused`, row, 'fused', 'parts', FUSED));
  each('eval', (row) => {
    if (row.name === 'batch 1')
      list.push({ what: 'eval mnist batch 1', measured: valueOf(row.cells.flaxen), limit: EVAL_ONE_MS, unit: 'ms' });
  });
  return list;
}
