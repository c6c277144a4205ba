/**
 * The convolutional example, for one epoch: a bar that only a net which learns the digits passes. Its full run of 3 epochs reaches more (docs/performance.md).
 * It needs tfjs-node, whose kernels run the convolutions.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('trains MNIST to 98% within one epoch', { timeout: 300_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', 'examples/mnist-cnn.ts', '--epochs', '1']);
  expect(stdout).toContain('60,000 training and 10,000 test images');
  const last = /^epoch 1\/1 .*test accuracy ([\d.]+)%/m.exec(stdout);
  expect(Number(last?.[1]), stdout).toBeGreaterThanOrEqual(98);
});
