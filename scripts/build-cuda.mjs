// npm run build:cuda: the CUDA library, for every architecture that ships, into build/Release, where the addon looks for it.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { root, run } from './run.mjs';

const candidates = [
  process.env.CUDACXX,
  process.env.CUDA_HOME && join(process.env.CUDA_HOME, 'bin', 'nvcc'),
  ...(process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'nvcc')),
];
const nvcc = candidates.find((path) => path && existsSync(path));
if (nvcc === undefined) {
  console.error('flaxen: there is no nvcc on PATH, in CUDA_HOME or in CUDACXX; install the CUDA toolkit 13 or newer');
  process.exit(1);
}
const { stdout } = spawnSync(nvcc, ['--version'], { encoding: 'utf8' });
console.log(`${nvcc}: ${/release [\d.]+/.exec(stdout)?.[0] ?? 'unknown release'}`);
// Keeps the other options of who has configured before; verify does without machine code.
const status =
  run('npx', ['cmake-js', 'configure', '--CDFLAXEN_CUDA=ON', '--CDFLAXEN_CUDA_MACHINE_CODE=ON']) ||
  run('npx', ['cmake-js', 'build', '--target', 'flaxen_cuda']);
if (status !== 0) process.exit(status);
const library = join(root, 'build', 'Release', 'libflaxen_cuda.so');
console.log(`${library}: ${(statSync(library).size / 2 ** 20).toFixed(1)} MiB`);
