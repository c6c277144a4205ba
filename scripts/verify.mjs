// npm run verify: install, build, lint, and every test. The last line counts: "N passed, N failed".
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build, install, root, run, step } from './run.mjs';

let passed = 0;
let failed = 0;
const finish = () => {
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
};
/** A step that counts as one test. */
const check = (title, work) => {
  const status = step(title, work);
  if (status === 0) passed++;
  else failed++;
  return status;
};

const junit = join(root, 'build', 'ctest.xml');
// One build tree for the addon and its C++ tests, so that nothing is compiled twice.
if (
  check('install dependencies', install) ||
  check('build the addon, the C++ tests and the library', () => build(['--CDFLAXEN_BUILD_TESTS=ON']))
)
  finish();
check('lint', () => run('npm', ['run', '--silent', 'lint']));
check('typecheck', () => run('npm', ['run', '--silent', 'typecheck']));

rmSync(junit, { force: true });
step('C++ tests', () => run('ctest', ['--test-dir', 'build', '--output-on-failure', '--output-junit', junit]));
count(existsSync(junit) ? readFileSync(junit, 'utf8') : '', /<testcase\b[^>]*\bstatus="(\w+)"/g);

const report = join(root, 'build', 'vitest.json');
rmSync(report, { force: true });
step('tests', () => run('npx', ['vitest', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`]));
if (existsSync(report)) {
  const result = JSON.parse(readFileSync(report, 'utf8'));
  passed += result.numPassedTests;
  failed += result.numFailedTests + result.testResults.filter((t) => t.status === 'failed' && t.assertionResults.length === 0).length;
  if (!result.success && result.numFailedTests === 0) failed++;
} else {
  failed++;
}
finish();

function count(text, pattern) {
  const found = [...text.matchAll(pattern)].map((m) => m[1]);
  if (!found.includes('run')) failed++; // a test run that tested nothing is a failure
  for (const status of found) {
    if (status === 'run') passed++;
    else if (status === 'fail') failed++;
  }
  const absent = found.filter((status) => status !== 'run' && status !== 'fail').length;
  if (absent > 0) console.log(`${absent} C++ tests did not run: they need an instruction set that this machine lacks`);
}
