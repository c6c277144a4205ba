/**
 * The tables of docs/performance-cuda.md, and the line of each kernel's header about registers and shared memory, from what was built:
 * tsx scripts/cuda/page.ts BUILD/native/test/cuda/cuda-tests.json [--write]
 * Without --write it says whether they are as they should be, and fails if not, or if a kernel spills or does not fit.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import prettier from 'prettier';
import { resourcesOf } from './resources.js';
import { planOf, rooflineTable } from './roofline.js';

interface Build {
  readonly ptxas: string;
  readonly gemmPlan: string;
  readonly ptx: Readonly<Record<string, string>>;
}

const BY_PTXAS = /^\/\/ By ptxas .*$/m;
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
const { table, headers } = await resourcesOf(build.ptxas, ptx);
const tables = filled(filled(before, 'resources', table), 'roofline', rooflineTable(planOf(build.gemmPlan)));
const after = await prettier.format(tables, { ...(await prettier.resolveConfig(page)), filepath: page });
const texts = [{ path: page, is: before, shouldBe: after }];
for (const [stem, line] of headers) {
  const path = fileURLToPath(new URL(`../../native/cuda/${stem}.cu`, import.meta.url));
  const is = readFileSync(path, 'utf8');
  if (!BY_PTXAS.test(is)) throw new Error(`${path} has no line "// By ptxas ... registers, ... shared memory." in its header`);
  texts.push({ path, is, shouldBe: is.replace(BY_PTXAS, line) });
}

const wrong = texts.filter(({ is, shouldBe }) => is !== shouldBe);
if (options.includes('--write')) {
  for (const { path, shouldBe } of wrong) writeFileSync(path, shouldBe);
} else if (wrong.length > 0) {
  for (const { path } of wrong) console.error(`${path} is not what the kernels are now: npm run docs:cuda`);
  process.exit(1);
}
