// What a changed file asks for: builds, and the tests that it concerns.
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { root } from '../run.mjs';

/** The same tree as for `npm run verify`, with what that has configured: an option set here would stay there. */
const configure = ['configure', 'npx', ['cmake-js', 'configure', '--CDFLAXEN_BUILD_TESTS=ON']];
/** All but the CUDA kernels and their tests, which take minutes. */
const native = ['build native/', 'cmake', ['--build', 'build', '--target', 'flaxen', 'flaxen_cpu_tests']];
const types = ['check types', 'npx', ['tsc', '--noEmit', '--incremental', '--tsBuildInfoFile', 'out/dev.tsbuildinfo']];

export const atStart = [configure, native, types];

/** The commands for changed files, builds first; `chosen` are tests to run in place of the files' own. */
export function commandsFor(files, chosen = []) {
  const inNative = files.filter((file) => file.startsWith('native/'));
  const commands = [native]; // nothing to do takes a moment, and an earlier build may have been cut short
  if (files.length > inNative.length) commands.push(types);
  if (inNative.length > 0)
    commands.push(['C++ tests', 'ctest', ['--test-dir', 'build', '--output-on-failure', '-LE', 'cuda', ...families(inNative)]]);
  if (chosen.length > 0) return [...commands, ['tests', 'npx', ['vitest', 'run', ...chosen]]];
  const helpers = files.filter((file) => testsOf(file) === null);
  const tests = [...new Set(files.map(testsOf).filter((path) => path !== null))];
  if (tests.length > 0) commands.push(['tests', 'npx', ['vitest', 'run', ...tests]]);
  if (helpers.length > 0) commands.push(['tests that use it', 'npx', ['vitest', 'related', '--run', ...helpers]]);
  return commands;
}

/** A test is itself; the tests of lib/nn lie in test/nn; those of native/, beside the C++ ones, in test/native. Null for what several folders' tests share. */
function testsOf(file) {
  const [top, folder] = file.split('/');
  if (top === 'native') return 'test/native/';
  if (file.endsWith('.test.ts')) return file;
  const own = top === 'lib' ? `test/${folder}` : dirname(file);
  const tested = existsSync(join(root, own)) && readdirSync(join(root, own)).some((name) => name.endsWith('.test.ts'));
  if (tested) return `${own}/`;
  return top === 'lib' ? 'test/core/' : null;
}

/** gemm_pack.cc is tested by gemm_test and gemm_test_avx2; all tests run for a file whose name begins like none. */
function families(files) {
  const tests = readdirSync(join(root, 'native', 'test')).filter((name) => name.endsWith('_test.cc'));
  const words = files.map((file) => basename(file).split(/[_.]/)[0]);
  if (!words.every((word) => tests.some((test) => test.startsWith(word)))) return [];
  return ['-R', `^(${[...new Set(words)].join('|')})`];
}
