/**
 * The tables of docs/performance-cuda.md, from what was built: tsx scripts/cuda/page.ts BUILD/native/test/cuda/cuda-tests.json [--write]
 * Without --write it says whether the page is as it should be, and fails if not, or if a kernel spills or does not fit.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import { resourceTable } from './resources.js';
import { planOf, rooflineTable } from './roofline.js';

interface Build {
  readonly ptxas: string;
  readonly gemmPlan: string;
  readonly ptx: Readonly<Record<string, string>>;
}

const [settings, ...options] = process.argv.slice(2);
const build = JSON.parse(readFileSync(settings!, 'utf8')) as Build;
const page = fileURLToPath(new URL('../../docs/performance-cuda.md', import.meta.url));
const before = readFileSync(page, 'utf8');

/** Replaces what stands between the two marks of a table. */
function filled(text: string, mark: string, table: string): string {
  const pieces = text.split(new RegExp(`(<!-- /?${mark} -->)`));
  if (pieces.length !== 5) throw new Error(`${page} has no place for the table ${mark}`);
  return [pieces[0], pieces[1], `\n\n${table}\n\n`, pieces[3], pieces[4]].join('');
}

const ptx = Object.fromEntries(Object.entries(build.ptx).map(([target, files]) => [target, files.split(';')]));
const tables = filled(
  filled(before, 'resources', await resourceTable(build.ptxas, ptx)),
  'roofline',
  rooflineTable(planOf(build.gemmPlan)),
);
const after = await prettier.format(tables, { ...(await prettier.resolveConfig(page)), filepath: page });
if (options.includes('--write')) {
  writeFileSync(page, after);
} else if (after !== before) {
  console.error('docs/performance-cuda.md is not what the kernels are now: npm run docs:cuda');
  process.exit(1);
}
