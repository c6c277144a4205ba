// npm run dev: builds what a saved file belongs to and runs the tests that it concerns, until Ctrl-C.
// Arguments name test files to run instead: npm run dev -- test/nn
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, watch } from 'node:fs';
import { basename, join } from 'node:path';
import { install, root, step } from './run.mjs';

const QUIET = 100; // ms without another change before work begins: editors write a file in several steps
const chosen = process.argv.slice(2);

const changed = new Set();
let timer = null;
let child = null; // the command that runs now
let turn = 0; // a change makes a new turn; what an older one still has to do is dropped

for (const folder of ['native', 'lib', 'test']) {
  watch(join(root, folder), { recursive: true }, (_, name) => {
    if (!/\.(ts|cc|h|inc|cmake|txt|json)$/.test(name ?? '')) return;
    changed.add(`${folder}/${name}`);
    clearTimeout(timer);
    timer = setTimeout(() => void react(), QUIET);
  });
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end());

if (step('install dependencies', install) !== 0) process.exit(1);
const configure = ['cmake-js configure', 'npx', ['cmake-js', 'configure', '--CDFLAXEN_BUILD_TESTS=ON', '--CDFLAXEN_CUDA=OFF']];
const buildNative = ['build native/', 'cmake', ['--build', 'build']];
const buildLib = ['build lib/', 'npx', ['tsc', '-p', 'tsconfig.build.json', '--incremental', '--tsBuildInfoFile', 'dist/.tsbuildinfo']];
await work(existsSync(join(root, 'build', 'CMakeCache.txt')) ? [buildNative, buildLib] : [configure, buildNative, buildLib]);

async function react() {
  const files = [...changed];
  console.log(`\n── changed: ${files.join(' ')}`);
  await work(commandsFor(files));
}

/** What the files ask for, builds first. */
function commandsFor(files) {
  const native = files.filter((file) => file.startsWith('native/'));
  const commands = [buildNative]; // nothing to do takes a moment, and an earlier build may have been cut short
  if (files.some((file) => file.startsWith('lib/'))) commands.push(buildLib);
  if (native.length > 0) commands.push(['C++ tests', 'ctest', ['--test-dir', 'build', '--output-on-failure', ...families(native)]]);
  const tests = chosen.length > 0 ? chosen : [...new Set(files.flatMap(testsOf))];
  commands.push(['tests', 'npx', ['vitest', 'run', ...tests]]);
  return commands;
}

/** A test is itself; the tests of lib/nn lie in test/nn; those of native/, beside the C++ ones, in test/native. */
function testsOf(file) {
  const [top, folder] = file.split('/');
  if (top === 'native') return ['test/native/'];
  if (file.endsWith('.test.ts')) return [file];
  return existsSync(join(root, 'test', folder)) ? [`test/${folder}/`] : ['test/core/'];
}

/** gemm_pack.cc is tested by gemm_test and gemm_test_avx2; all tests run for a file whose name begins like none. */
function families(files) {
  const tests = readdirSync(join(root, 'native', 'test')).filter((name) => name.endsWith('_test.cc'));
  const words = files.map((file) => basename(file).split(/[_.]/)[0]);
  if (!words.every((word) => tests.some((test) => test.startsWith(word)))) return [];
  return ['-R', `^(${[...new Set(words)].join('|')})`];
}

/** Runs the commands one after the other, as far as they succeed; gives up when a file changes meanwhile. */
async function work(commands) {
  const mine = ++turn;
  stop();
  let status = 0;
  for (const [title, command, args] of commands) {
    const started = Date.now();
    status = await execute(title, command, args);
    if (mine !== turn) return;
    console.log(`── ${title}: ${status === 0 ? 'done' : `failed (status ${status})`} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
    if (status !== 0) break;
  }
  if (status === 0) changed.clear(); // after a failure the next change tries these files again
  console.log('── waiting for changes; Ctrl-C ends');
}

function execute(title, command, args) {
  console.log(`\n── ${title}`);
  return new Promise((resolve) => {
    // A group of its own, so that it ends with everything that it has started.
    const own = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
    child = own;
    const finish = (status) => {
      if (child === own) child = null;
      resolve(status);
    };
    own.on('error', ({ code }) => {
      console.error(`${command} could not be started (${code}): is it installed and on PATH?`);
      finish(127);
    });
    own.on('close', (status) => finish(status ?? 1));
  });
}

function stop() {
  if (child?.pid !== undefined) {
    try {
      process.kill(-child.pid, 'SIGTERM');
    } catch {
      // it has just ended
    }
  }
  child = null;
}

function end() {
  turn++;
  stop();
  console.log('\n── ended');
  process.exit(0);
}
