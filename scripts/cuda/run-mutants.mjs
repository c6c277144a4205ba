// Plants the faults of mutants.mjs, one at a time, in copies of the CUDA kernels, and sees that the simulator catches each by the gate that
// it names: node run-mutants.mjs BUILD/native/test/cuda/cuda-tests.json [words of the names of those to run]
// Fails if one survives, if another gate catches it, or if its place is not in the source any more. That the same tests pass without a fault
// is seen by ctest, which runs all of their cases.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { root } from '../run.mjs';
import { mutants } from './mutants.mjs';

const [settings, ...words] = process.argv.slice(2);
const build = JSON.parse(readFileSync(settings, 'utf8'));
const ptx = build.ptx[80].split(';');
const folder = join(dirname(settings), 'mutants');
const TIMEOUT = 120_000;

/** Runs a command; resolves to its status (null where it had to be stopped) and its output. */
function command(program, args, env = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env: { ...process.env, ...env }, timeout: TIMEOUT, killSignal: 'SIGKILL' });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += data));
    child.on('error', (error) => resolve({ status: 127, output: String(error) }));
    child.on('close', (status) => resolve({ status, output }));
  });
}

/** The gates that caught something in a test's output. */
function gates(output) {
  const found = new Set([...output.matchAll(/^caught by ([\w-]+)$/gm)].map((match) => match[1]));
  if (output.includes('ERROR: AddressSanitizer')) found.add('address');
  if (output.includes('runtime error:')) found.add('undefined');
  return found;
}

const environment = ({ only }) => ({ FLAXEN_CASE: only ?? '', ASAN_OPTIONS: 'detect_leaks=0' });
const executable = ({ test, route }) => join(build.tests, `cuda_${test}_test${/ptx|host/.test(route) ? '' : `_${route}`}`);
const arguments_ = ({ route }) => (/ptx|host/.test(route) ? [ptx.join(';')] : []);

/** The source with the fault in it; throws where its place is not there, or not there alone. */
function patched({ route, file, find, replace }) {
  const path = route === 'ptx' ? ptx.find((name) => basename(name) === file) : join(root, 'native', 'cuda', file);
  const source = readFileSync(path, 'utf8');
  if (route === 'ptx') {
    const result = source.replace(new RegExp(find, 'g'), replace);
    if (result === source) throw new Error('its place is not in the file');
    return result;
  }
  const pieces = source.split(find);
  if (pieces.length !== 2) throw new Error(`its place is in the file ${pieces.length - 1} times, not once`);
  return pieces.join(replace);
}

/** The test's command line with the fault in it. */
async function made(mutant, at) {
  const { route, file, of = file } = mutant;
  const copy = join(at, 'cuda', file);
  mkdirSync(dirname(copy), { recursive: true });
  writeFileSync(copy, patched(mutant));
  if (route === 'ptx') return [executable(mutant), ptx.map((name) => (basename(name) === file ? copy : name)).join(';')];
  const flags = build.flags[route].split(';');
  const source = of === file ? copy : join(root, 'native', 'cuda', of);
  const includes = [at, join(root, 'native'), join(root, 'native', 'test')].map((path) => `-I${path}`);
  const shim = route === 'host' ? [] : ['-isystem', join(root, 'native', 'test', 'simt', 'host')];
  const object = join(at, 'mutant.o');
  const program = join(at, 'test');
  const compiled = await command(build.compiler, [...flags, ...includes, ...shim, '-x', 'c++', '-c', source, '-o', object]);
  if (compiled.status !== 0) throw new Error(`it does not compile:\n${compiled.output}`);
  // What the object defines is not taken from the libraries.
  const test =
    route === 'host'
      ? join(build.tests, 'CMakeFiles', 'cuda_host_test.dir', 'host', 'host_test.cc.o')
      : join(build.tests, 'CMakeFiles', `cuda_${mutant.test}_test_object.dir`, `${mutant.test}_test.cc.o`);
  const sanitizer = route === 'asan' ? flags.filter((flag) => flag.startsWith('-fsanitize')) : [];
  const linked = await command(build.compiler, [
    object,
    test,
    ...(route === 'host' ? build.hostLibraries : [join(build.tests, `libflaxen_cuda_on_${route}.a`)]),
    ...build.libraries,
    ...sanitizer,
    '-pthread',
    '-ldl',
    '-o',
    program,
  ]);
  if (linked.status !== 0) throw new Error(`it does not link:\n${linked.output}`);
  return [program, ...arguments_(mutant)];
}

/** What is wrong with how a fault was caught; null if nothing is. */
async function tried(mutant, number) {
  const at = join(folder, String(number));
  try {
    const [program, ...args] = await made(mutant, at);
    const { status, output } = await command(program, args, environment(mutant));
    const found = [...gates(output)];
    if (found.includes(mutant.gate)) return null;
    if (status === null) return 'it had to be stopped';
    return found.length === 0 ? `it survives (status ${status})` : `it is caught by ${found.join(', ')} only`;
  } catch (error) {
    return error.message;
  } finally {
    rmSync(at, { recursive: true, force: true });
  }
}

/** Calls work(item, its number) for each, a few at a time; resolves to the complaints. */
async function complaints(items, name, work) {
  const found = [];
  const queue = [...items.entries()];
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) {
      const complaint = await work(next[1], next[0]);
      if (complaint) found.push(`${name(next[1])}: ${complaint}`);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return found;
}

const name = ({ route, file, gate, what }) => `${route} ${file} [${gate}] ${what}`;
const chosen = mutants.filter((mutant) => words.every((word) => name(mutant).includes(word)));
const failed = await complaints(chosen, name, tried);
const byGate = new Map();
for (const { gate } of chosen) byGate.set(gate, (byGate.get(gate) ?? 0) + 1);
console.log(`${chosen.length} planted faults: ${[...byGate].map(([gate, count]) => `${gate} ${count}`).join(', ')}`);
for (const complaint of failed) console.log(`FAILED ${complaint}`);
console.log(failed.length === 0 ? 'each was caught by its gate' : `${failed.length} failures`);
process.exit(failed.length === 0 && chosen.length > 0 ? 0 : 1);
