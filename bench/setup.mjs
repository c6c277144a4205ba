// npm run bench:setup: installs the benchmark's peers: tfjs-node in the repository, the rest under .cache/bench. What is there already stays; what fails is named and the rest goes on.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { install, root, run, step } from '../scripts/run.mjs';

const home = join(root, '.cache', 'bench');
const python = join(home, 'venv', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const FLAX = ['jax==0.10.2', 'jaxlib==0.10.2', 'flax==0.12.8', 'optax==0.2.8', 'numpy==2.4.6'];
const TORCH = ['torch==2.13.0'];
const JAXJS = '0.1.25';

const failed = [];
/** A step that need not succeed for the next. */
function part(title, work) {
  const status = step(title, work);
  if (status !== 0) failed.push(title);
  return status;
}
const quiet = (command, args, options = {}) => spawnSync(command, args, { stdio: 'ignore', ...options }).status === 0;

function venv() {
  if (existsSync(python)) return 0;
  const system = process.env.PYTHON ?? (process.platform === 'win32' ? 'python' : 'python3');
  if (!quiet(system, ['-c', 'import sys; sys.exit(sys.version_info < (3, 11))'])) {
    console.error(`${system} is not Python 3.11 or newer, which jax 0.10 needs: install it, or name it in PYTHON`);
    return 1;
  }
  return run(system, ['-m', 'venv', join(home, 'venv')]);
}

const VERSIONS_THERE =
  'import sys, importlib.metadata as m; sys.exit(any(m.version(n).split("+")[0] != v for n, v in (a.split("==") for a in sys.argv[1:])))';

function pip(packages) {
  if (quiet(python, ['-c', VERSIONS_THERE, ...packages])) return 0;
  return run(python, ['-m', 'pip', 'install', '--disable-pip-version-check', ...packages]);
}

function torch() {
  const status = pip(TORCH);
  const cpuBuild = quiet(python, ['-c', 'import importlib.metadata as m, sys; sys.exit(not m.version("torch").endswith("+cpu"))']);
  if (process.platform === 'linux' && !cpuBuild) {
    console.log(
      'PyTorch for Linux comes with CUDA by default, some gigabytes. For its CPU build (all that is measured here) take the index that',
    );
    console.log("PyTorch's installation page names for CPU: PIP_EXTRA_INDEX_URL=<that index> npm run bench:setup");
  }
  return status;
}

/** A folder with a package.json of its own and one dependency, whose install scripts do not run. */
function npm(folder, name, version) {
  mkdirSync(folder, { recursive: true });
  const manifest = { name: 'flaxen-bench-peer', private: true, dependencies: { [name]: version } };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return run('npm', ['install', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund']);
}

function jaxjs() {
  const folder = join(home, 'jaxjs');
  if (quiet(process.execPath, ['-e', "require('@jax-js/jax')"], { cwd: folder })) return 0;
  return npm(folder, '@jax-js/jax', JAXJS);
}

mkdirSync(home, { recursive: true });
if (part('a Python environment in .cache/bench/venv', venv) === 0) {
  part('Flax, JAX, optax and NumPy', () => pip(FLAX));
  part('PyTorch', torch);
}
part('tfjs-node', () => install() || run('npx', ['tsx', 'lib/cli/main.ts', 'install-tfjs-node']));
part('jax-js', jaxjs);
console.log(
  failed.length === 0 ? '\nall peers are installed' : `\nnot installed: ${failed.join('; ')}. The benchmark names them as absent.`,
);
process.exit(failed.length === 0 ? 0 : 1);
