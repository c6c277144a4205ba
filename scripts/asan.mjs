// npm run test:asan: the addon and the C++ tests built with AddressSanitizer and UBSan, and the tests that use them most.
// Arguments name other test files: npm run test:asan -- test/nn
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { install, root, run, step } from './run.mjs';

const TESTS = ['test/native', 'test/conformance', 'test/core'];
const folder = join('out', 'asan');
const tree = join(folder, 'build'); // node-gyp-build looks for build/Debug in the folder that FLAXEN_PREBUILD names
const reports = join(root, folder, 'reports');
const PATIENCE = 8; // how much slower than usual a test may be
const compiler = process.env.CXX ?? 'g++';

if (process.platform !== 'linux') {
  console.error('npm run test:asan needs Linux: it preloads the sanitizer into Node with LD_PRELOAD.');
  process.exit(1);
}

/** Convolution and pooling run there. */
const tfjs = () => run('npm', ['run', '--silent', 'build:lib']) || run(process.execPath, ['dist/cli/main.js', 'install-tfjs-node']);
const cmake = (what, ...options) => run('npx', ['cmake-js', what, '--debug', '--out', tree, ...options]);
const options = ['--CDFLAXEN_SANITIZE=address,undefined', '--CDFLAXEN_BUILD_TESTS=ON', '--CDFLAXEN_CUDA=OFF'];
const library = (name) => execFileSync(compiler, [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();

/** V8's heap looks like leaks. A report goes to a file, since the process that finds something is a child of a child. */
const sanitizers = () => ({
  ASAN_OPTIONS: `detect_leaks=0:allocator_may_return_null=1:strict_init_order=1:detect_stack_use_after_return=1:log_path=${join(reports, 'asan')}`,
  UBSAN_OPTIONS: `print_stacktrace=1:log_path=${join(reports, 'ubsan')}`,
});

function tests(files) {
  const env = { ...sanitizers(), FLAXEN_TEST_PATIENCE: String(PATIENCE), FLAXEN_BACKEND: 'cpu', FLAXEN_PREBUILD: join(root, folder) };
  // Node is not linked with the sanitizer, so it comes first by force; the C++ library with it, or exceptions are not seen.
  env.LD_PRELOAD = `${library('libasan.so')} ${library('libstdc++.so.6')}`;
  return run(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', `--testTimeout=${60_000 * PATIENCE}`, ...files], env);
}

/** Prints what the sanitizers wrote; a report is a failure whatever the tests said. */
function findings(status) {
  const found = existsSync(reports) ? readdirSync(reports) : [];
  for (const name of found) console.error(`\n${name}\n${readFileSync(join(reports, name), 'utf8')}`);
  console.log(`\n${found.length} ${found.length === 1 ? 'report' : 'reports'} of the sanitizers`);
  return status || Number(found.length > 0);
}

rmSync(reports, { recursive: true, force: true });
mkdirSync(reports, { recursive: true });
const files = process.argv.slice(2);
const status =
  step('install dependencies', install) ||
  step('install tfjs-node', tfjs) ||
  step('build with AddressSanitizer and UBSan', () => cmake('configure', ...options) || cmake('build')) ||
  (files.length > 0
    ? 0
    : step('C++ tests', () => run('ctest', ['--test-dir', tree, '--parallel', '2', '--output-on-failure'], sanitizers()))) ||
  step('tests under Node', () => tests(files.length > 0 ? files : TESTS));
process.exit(findings(status));
