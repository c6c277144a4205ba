/** The API reference is made without a warning: no broken link, no docstring that TypeDoc does not understand. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { root } from './blocks.js';

it('npm run docs:api makes pages that show the examples', { timeout: 120_000 }, async () => {
  const out = await mkdtemp(join(tmpdir(), 'flaxen-api-'));
  try {
    await promisify(execFile)(process.execPath, ['node_modules/typedoc/bin/typedoc', '--out', out], { cwd: root });
    const page = (await readFile(join(out, 'functions', 'np.logaddexp.html'), 'utf8')).replace(/<[^>]*>/g, '').replace(/&nbsp;/g, ' ');
    expect(page).toContain('log(exp(x) + exp(y))');
    expect(page).toMatch(/Example\s*np\.logaddexp\(1000, 1000\);\s*\/\/ =(>|&gt;) Tensor float32\[\] 1000\.6932/);
  } finally {
    await rm(out, { recursive: true });
  }
});
