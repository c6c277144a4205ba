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

if (check('install dependencies', install) || check('build the addon and the library', build)) finish();
check('lint', () => run('npm', ['run', '--silent', 'lint']));
check('typecheck', () => run('npm', ['run', '--silent', 'typecheck']));

const tests = join(root, 'build', 'tests');
const junit = join(tests, 'junit.xml');
const native = check('build the C++ tests', () => {
  const configured = run('cmake', ['-S', '.', '-B', tests, '-DFLAXEN_BUILD_TESTS=ON', '-DCMAKE_BUILD_TYPE=Release']);
  return configured || run('cmake', ['--build', tests, '--parallel', '2']);
});
if (native === 0) {
  rmSync(junit, { force: true });
  step('C++ tests', () => run('ctest', ['--test-dir', tests, '--output-on-failure', '--output-junit', junit]));
  count(existsSync(junit) ? readFileSync(junit, 'utf8') : '', /<testcase\b[^>]*\bstatus="(\w+)"/g, (m) => m[1] === 'run');
}

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

function count(text, pattern, ok) {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) failed++; // a test run that tested nothing is a failure
  for (const m of found) ok(m) ? passed++ : failed++;
}
