// npm run package:cuda: the CUDA library, in the folder of the package that carries it (packages/cuda-<platform>-<arch>). Needs nvcc.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from './run.mjs';

const folder = join(root, 'packages', `cuda-${process.platform}-${process.arch}`);
const build = join(root, 'build', 'cuda-package');
const options = ['-S', root, '-B', build, '-DCMAKE_BUILD_TYPE=Release', '-DFLAXEN_CUDA=ON', `-DCMAKE_LIBRARY_OUTPUT_DIRECTORY=${build}`];
// The C++ library goes inside, as NVIDIA's runtime does: the user's may be older.
options.push('-DCMAKE_SHARED_LINKER_FLAGS=-static-libstdc++ -static-libgcc -s');
const status = run('cmake', options) || run('cmake', ['--build', build, '--target', 'flaxen_cuda', '--parallel', '2']);
if (status !== 0) process.exit(status);

const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
manifest.version = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;
writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
copyFileSync(join(build, 'libflaxen_cuda.so'), join(folder, 'libflaxen_cuda.so'));
process.exit(run('npm', ['pack', '--dry-run', folder]));
