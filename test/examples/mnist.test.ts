/** The quickstart's program, whole: it reaches its accuracy on the real digits and draws its page. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const run = promisify(execFile);

it('trains MNIST to 98% within 5 epochs with BatchNorm, and draws both learning curves', { timeout: 600_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flaxen-mnist-'));
  try {
    const page = join(folder, 'mnist.html');
    const { stdout } = await run(process.execPath, ['--import', 'tsx', 'examples/mnist.ts', '--out', page], { maxBuffer: 1 << 24 });
    expect(stdout).toContain('60,000 training and 10,000 test images');
    const last = /^BatchNorm +epoch 5\/5 .*test accuracy ([\d.]+)%/m.exec(stdout);
    expect(Number(last?.[1]), stdout).toBeGreaterThanOrEqual(98);
    const html = await readFile(page, 'utf8');
    expect(html.match(/<svg /g)).toHaveLength(2);
    expect(html.match(/<polyline /g)).toHaveLength(4);
  } finally {
    await rm(folder, { recursive: true });
  }
});
