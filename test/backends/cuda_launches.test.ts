/** How many kernels a train step starts on the CUDA backend: as many as docs/performance-cuda.md counts in its roofline. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mlpCases } from '../../bench/harness/cases.js';
import { packageRoot } from '../../lib/backends/package.js';
import { launches, planOf } from '../../scripts/cuda/roofline.js';

const simulator = join(packageRoot, 'build', 'Release', 'libflaxen_cuda_sim.so');
const settings = join(packageRoot, 'build', 'native', 'test', 'cuda', 'cuda-tests.json');

describe.skipIf(!existsSync(simulator))('launches of a train step', () => {
  const folder = mkdtempSync(join(tmpdir(), 'flaxen-launches-'));
  let kernels: Record<string, string[]> = {};
  beforeAll(() => {
    const child = fileURLToPath(new URL('cuda_launches.child.ts', import.meta.url));
    const env = { ...process.env, FLAXEN_BACKEND: 'cuda', FLAXEN_CUDA_SIM: '80', FLAXEN_CUDA_SIM_LOG: join(folder, 'log') };
    const { stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', child], { cwd: packageRoot, encoding: 'utf8', env });
    if (stdout === '') throw new Error(stderr);
    kernels = JSON.parse(stdout) as typeof kernels;
  }, 120_000);
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each(mlpCases.map((model) => [model.name, model] as const))('%s: as many as the roofline counts', (name, model) => {
    const { gemmPlan } = JSON.parse(readFileSync(settings, 'utf8')) as { gemmPlan: string };
    const counted = launches(model, planOf(gemmPlan));
    expect(kernels[name]!.length, `${kernels[name]!.join()} against ${counted.map(({ what }) => what).join()}`).toBe(counted.length);
  });

  it('small: one for each product, batch norm, its gradient, the loss, its gradient, and all that is updated', () => {
    const layer = ['gemm', 'batch_norm_normalize'];
    const back = ['batch_norm_grad_sums', 'batch_norm_grad_x'];
    expect(kernels.small!.toSorted()).toEqual(
      [
        ...[layer, layer, 'gemm'],
        ...['softmax_cross_entropy', 'reduce_rows', 'reduce_rows', 'elementwise_program', 'reduce_rows', 'softmax_cross_entropy_grad'],
        ...['gemm', 'gemm', back, 'gemm', 'gemm', back, 'gemm'],
        'elementwise_program',
      ]
        .flat()
        .toSorted(),
    );
  });
});
