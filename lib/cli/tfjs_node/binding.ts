/** tfjs-node's native half, compiled from the package's own source against the unpacked library. */
import { existsSync, mkdirSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { TfjsPackage } from '../../backends/tfjs_package.js';
import { InstallError } from './problem.js';
import { findCompiler, run } from './tools.js';

/** Node-API's headers: beside Node, or from the package node-api-headers. The binding keeps to Node-API 8, so any Node's will do. */
function nodeHeaders(): string {
  const beside = join(dirname(dirname(realpathSync(process.execPath))), 'include', 'node');
  if (existsSync(join(beside, 'node_api.h'))) return beside;
  try {
    const { include_dir } = createRequire(import.meta.url)('node-api-headers') as { include_dir: string };
    return include_dir;
  } catch (cause) {
    throw new InstallError(`there are no Node-API headers in ${beside}. Run "npm install node-api-headers", then this again.`, { cause });
  }
}

/** The package's gyp file says the same for Linux: two sources, two libraries, found relative to the binding. */
export function compileBinding({ folder, binding }: TfjsPackage): void {
  const compiler = findCompiler();
  const partial = `${binding}.${process.pid}`;
  mkdirSync(dirname(binding), { recursive: true });
  const include = [folder, join(folder, 'deps', 'include'), nodeHeaders()].flatMap((path) => ['-I', path]);
  const link = ['-L', join(folder, 'deps', 'lib'), '-ltensorflow', '-ltensorflow_framework', '-Wl,-rpath,$ORIGIN/../../deps/lib'];
  try {
    run(
      compiler,
      [
        ...['-std=c++17', '-O2', '-fPIC', '-shared', '-DNAPI_VERSION=8', '-fno-exceptions', '-fno-rtti', ...include],
        ...[join(folder, 'binding', 'tfjs_backend.cc'), join(folder, 'binding', 'tfjs_binding.cc')],
        ...['-o', partial, ...link],
      ],
      'Its messages are above; another compiler can be named in CXX.',
    );
    renameSync(partial, binding);
  } finally {
    rmSync(partial, { force: true });
  }
}
