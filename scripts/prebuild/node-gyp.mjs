// What prebuildify calls in node-gyp's place: builds one target with cmake-js, in prebuildify's folder (the working directory).
import { join } from 'node:path';
import { root, run } from '../run.mjs';
import { targets } from './targets.mjs';
import { zig } from './zig.mjs';

const { zig: triple, processor } = targets[process.env.FLAXEN_PREBUILD_TARGET];
const cache = join(root, 'out', 'zig-cache');
const options = ['--CDFLAXEN_CUDA=OFF'];
if (triple !== undefined) {
  options.push(`--CDCMAKE_CXX_COMPILER=${zig()};c++`, `--CDCMAKE_CXX_COMPILER_TARGET=${triple}`);
  // CMake's trial of the compiler links nothing: Zig would build a C++ library for that program alone, which takes it a minute.
  options.push('--CDCMAKE_TRY_COMPILE_TARGET_TYPE=STATIC_LIBRARY');
  options.push('--CDCMAKE_SYSTEM_NAME=Linux', `--CDCMAKE_SYSTEM_PROCESSOR=${processor}`, '--CDCMAKE_SHARED_LINKER_FLAGS=-s');
} else if (process.platform === 'win32') options.push('-T', 'ClangCL');
process.exit(
  run('npx', ['cmake-js', 'compile', '-O', join(process.cwd(), 'build'), ...options], {
    ZIG_GLOBAL_CACHE_DIR: cache,
    ZIG_LOCAL_CACHE_DIR: cache,
  }),
);
