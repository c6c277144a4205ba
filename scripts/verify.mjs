// npm run verify: install, build, lint, and every test, on every backend. verify:all adds the binaries for other machines. The last line counts: "N passed, N failed".
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, constants, setPriority } from 'node:os';
import { join, relative } from 'node:path';
import { machines, PREBUILD } from './elsewhere/machines.mjs';
import { nodeOf } from './nodes.mjs';
import { hostTarget } from './prebuild/targets.mjs';
import { build, install, root, run, step } from './run.mjs';

// What a program sees of flaxen, without the tests of the addon, of set-up, of the pages and of endurance, which are about no backend or about one.
const PUBLIC = ['core', 'nn', 'numpy', 'optim', 'random', 'training', 'conformance', 'acceptance/section1', 'acceptance/trajectories'];
// The tests that compare with golden numbers, and each primitive with its reference.
const NUMBERS = ['nn', 'numpy', 'optim', 'random', 'conformance', 'acceptance/trajectories'];

// The other versions of Node that tfjs-node must run on, and what shows that it does: its installer's own check, models trained, Flax's numbers, memory.
const OTHER_NODES = [22, 24, 26];
const SMALL = ['acceptance/section1', 'nn/guide', 'backends/tfjs'];
// The binaries for other machines, and the tests for which an emulated one has time. Neither has a tfjs-node, so no convolution and no pooling.
const NO_WINDOWS = ['!nn/convolution', '!nn/pooling'];
const ELSEWHERE = [
  { target: 'linux-x64-musl', machine: 'musl', tests: [...NUMBERS, ...NO_WINDOWS] },
  { target: 'linux-arm64-glibc', machine: 'arm64', tests: ['nn', 'optim', 'random', 'conformance/primitives', ...NO_WINDOWS] },
];
// Measures how late timers are.
const LATENCY = 'acceptance/soak';
// A worker a processor; vitest's default leaves one free.
const ALL = { options: [`--maxWorkers=${availableParallelism()}`] };
const simulator = join(root, 'build', 'Release', 'libflaxen_cuda_sim.so');

const counts = [];
const failures = []; // a line each, said again at the end, for whoever sees only that
let mark = Date.now();
const finish = () => {
  const sum = (key) => counts.reduce((total, count) => total + count[key], 0);
  const width = Math.max(...counts.map(({ what }) => what.length));
  console.log('\n── what ran');
  for (const { what, passed, failed, skipped, seconds } of counts) {
    const found = `${passed} passed, ${failed} failed${skipped ? `, ${skipped} skipped` : ''}`;
    console.log(`${what.padEnd(width)}  ${seconds.toFixed(0).padStart(4)} s  ${found}`);
  }
  if (failures.length > 0) console.log(`\n── what failed\n${failures.join('\n')}`);
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
  process.exit(sum('failed') === 0 ? 0 : 1);
};
/** Counts what has run since the last count; `names` are those of the tests that failed, where they have names. */
const tally = (what, passed, failed, skipped = 0, names = []) => {
  if (failed > 0) failures.push(...(names.length > 0 ? names.map((name) => `${what}: ${name}`) : [what]));
  const seconds = (Date.now() - mark) / 1000;
  mark = Date.now();
  counts.push({ what, passed, failed, skipped, seconds });
};

/** A step that counts as one test. */
const check = (title, work) => {
  const status = step(title, work);
  tally(title, Number(status === 0), Number(status !== 0));
  return status;
};

// One build tree for the addon and its C++ tests, so that nothing is compiled twice. Without a card the machine code of the CUDA kernels is made by
// one of the tests alone, cuda_resources, for each architecture; the library has it by npm run build:cuda.
const card = ['/dev/nvidia0', '/dev/dxg'].some(existsSync);
if (
  check('install dependencies', install) ||
  check('build the addon, the C++ tests and the library', () =>
    build(['--CDFLAXEN_BUILD_TESTS=ON', '--CDFLAXEN_CUDA=ON', `--CDFLAXEN_CUDA_MACHINE_CODE=${card ? 'ON' : 'OFF'}`]),
  )
)
  finish();
// The binaries of the package take no part in the tests of the sources: they are built beside those, with what these leave of the processors.
const others = process.argv.includes('--all') && process.platform === 'linux' && process.arch === 'x64' ? ELSEWHERE : [];
const targets = [hostTarget(), ...others.map(({ target }) => target)];
const prebuilds = beside('prebuild', ['scripts/prebuild.mjs', ...targets]);
const tfjs = check('install tfjs-node', () => run(process.execPath, ['dist/cli/main.js', 'install-tfjs-node'])) === 0;
check('lint', () => run('npm', ['run', '--silent', 'lint']));
check('typecheck', () => run('npm', ['run', '--silent', 'typecheck']));

ctest('C++ tests', ['-LE', 'cuda']);
if (existsSync(simulator)) ctest('C++ tests of the CUDA kernels', ['-L', 'cuda']);
const { isa, isas } = createRequire(import.meta.url)('node-gyp-build')(root).info();
const cpu = { FLAXEN_BACKEND: 'cpu', FLAXEN_ISA: isa };
vitest(`tests on cpu, ${isa}`, [`!${LATENCY}`], cpu, ALL);
vitest(`event loop and memory of long runs on cpu, ${isa}`, [LATENCY], cpu); // alone
if (tfjs) vitest('public tests on tfjs', PUBLIC, { FLAXEN_BACKEND: 'tfjs' }, ALL);
if (tfjs) for (const version of OTHER_NODES) otherNode(version);
if (existsSync(simulator)) {
  // Products are float32 in these, so that the numbers are those that every backend must give; test/backends/cuda.test.ts has tf32.
  const env = { FLAXEN_BACKEND: 'cuda', FLAXEN_CUDA_SIM: '1', FLAXEN_MATMUL_PRECISION: 'highest' };
  vitest('public tests on the simulated CUDA device', PUBLIC, env, { options: [...ALL.options, '--testTimeout=300000'] }); // each is one thread's slow work
  for (const target of ['75', '120']) vitest(`training on simulated sm_${target}`, ['backends/cuda_training'], { FLAXEN_CUDA_SIM: target });
} else console.log('\nno tests on a simulated CUDA device, nor of the CUDA library: there is no nvcc');
for (const other of isas.filter((name) => name !== isa)) {
  const env = { FLAXEN_BACKEND: 'cpu', FLAXEN_ISA: other };
  if (runs(env)) vitest(`golden and conformance tests on cpu, ${other}`, NUMBERS, env, { options: ['--isolate=false'] });
  else tally(`golden and conformance tests on cpu, ${other}: not run, this machine lacks those instructions`, 0, 0, 1);
}
const built = await prebuilds();
if (check(`prebuild for ${targets.join(', ')}, begun earlier`, () => built) === 0) {
  vitest('tests of the packed package', [], {}, { options: ['--config', 'vitest.package.config.ts'] });
  const { trains } = await import('./elsewhere/program.mjs'); // needs what has been installed above
  for (const other of others) elsewhere(other, trains);
}
finish();

/** A binary for another machine: the program of the package's tests, then the repository's, with a Node of that machine; or a line that says why not. */
function elsewhere({ machine: name, tests }, trains) {
  let machine;
  try {
    machine = machines[name]();
  } catch (error) {
    console.log(`\nno tests on ${name}: ${error.message}`);
    return tally(`tests of the binary on ${name}`, 0, 0, 1);
  }
  check(`the package on ${name}`, () => trains(name, machine));
  const env = { ...machine.env, FLAXEN_BACKEND: 'cpu', FLAXEN_PREBUILD: PREBUILD, FLAXEN_TEST_NODE: machine.node };
  const options = [
    '--isolate=false',
    '--maxWorkers=2',
    '--testTimeout=300000',
    '-t',
    '^(?!the cpu backend.* (conv$|conv\\w+Grad|\\w+Pool))',
  ];
  vitest(`tests of the binary on ${name}`, tests, env, { options, flags: ['--import', './scripts/elsewhere/workers.mjs'] });
}

/** Whether the addon loads under these settings. */
function runs(env) {
  const { status } = spawnSync(process.execPath, ['-e', 'require("node-gyp-build")(".")'], { cwd: root, env: { ...process.env, ...env } });
  return status === 0;
}

/** Starts one of Node's programs at the lowest priority; the function that it returns waits for its end, prints what it said, and gives its status. */
function beside(name, args) {
  const log = join(root, 'build', `${name}.log`);
  const output = openSync(log, 'w');
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', output, output] });
  const ended = once(child, 'close');
  setPriority(child.pid, constants.priority.PRIORITY_LOW);
  return async () => {
    const [status] = await ended;
    process.stdout.write(readFileSync(log));
    return status ?? 1;
  };
}

/** The C++ tests that ctest's options choose. */
function ctest(title, options) {
  const junit = join(root, 'build', 'ctest.xml');
  rmSync(junit, { force: true });
  step(title, () => run('ctest', ['--test-dir', 'build', '--parallel', '2', '--output-on-failure', '--output-junit', junit, ...options]));
  const text = existsSync(junit) ? readFileSync(junit, 'utf8') : '';
  const found = [...text.matchAll(/<testcase\b[^>]*\bname="([^"]+)"[^>]*\bstatus="(\w+)"/g)];
  const of = (...statuses) => found.filter(([, , status]) => statuses.includes(status));
  const absent = found.filter((test) => !of('run', 'fail').includes(test)).map(([, name]) => name);
  if (absent.length > 0) console.log(`not run, for an instruction set or a GPU that this machine lacks: ${absent.join(', ')}`);
  // A test run that tested nothing is a failure.
  const names = of('fail').map(([, name]) => name);
  tally(title, of('run').length, names.length + Number(of('run').length === 0), absent.length, names);
}

/** tfjs-node on another version of Node: one binding serves all. */
function otherNode(major) {
  let node = '';
  const fetched = check(`fetch Node ${major}`, () => {
    try {
      node = nodeOf(major);
      return 0;
    } catch (error) {
      console.error(error.message);
      return 1;
    }
  });
  if (fetched !== 0) return;
  const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  check(`tfjs-node loads on Node ${version}`, () => run(node, ['dist/cli/main.js', 'install-tfjs-node']));
  vitest(`small public tests on tfjs, Node ${version}`, SMALL, { FLAXEN_BACKEND: 'tfjs' }, { ...ALL, node });
}

/** Runs the test files whose paths begin so, all if none is named, without those behind a `!`. */
function vitest(title, folders, env, { options = [], node = process.execPath, flags = [] } = {}) {
  const report = join(root, 'build', 'vitest.json');
  rmSync(report, { force: true });
  const files = folders.flatMap((folder) => (folder.startsWith('!') ? ['--exclude', `test/${folder.slice(1)}*`] : [`test/${folder}`]));
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  step(title, () => run(node, [...flags, 'node_modules/vitest/vitest.mjs', 'run', ...files, ...options, ...reporters], env));
  if (!existsSync(report)) return tally(title, 0, 1);
  const result = JSON.parse(readFileSync(report, 'utf8'));
  // What failed in each file, or the file where none of its tests could begin.
  const names = result.testResults.flatMap((file) => {
    const tests = file.assertionResults
      .filter(({ status }) => status === 'failed')
      .map(({ fullName, failureMessages: [why = ''] }) => `${fullName}: ${why.split('\n')[0]}`);
    const broken = file.status === 'failed' && file.assertionResults.length === 0 ? [`no test ran: ${file.message.split('\n')[0]}`] : [];
    return [...tests, ...broken].map((text) => `${relative(root, file.name)} > ${text}`);
  });
  const silent = names.length === 0 && (!result.success || result.numPassedTests === 0); // such as an error outside any test
  tally(title, result.numPassedTests, names.length + Number(silent), result.numPendingTests, names);
}
