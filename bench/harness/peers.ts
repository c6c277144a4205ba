/** Who is compared with, how each is started, and what is missing where one cannot be. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findTfjs } from '../../lib/backends/tfjs_package.js';
import type { PeerSpec } from './peer.js';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const setup = join(root, '.cache', 'bench');
const python = join(setup, 'venv', process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
const script = (name: string): string => join(root, 'bench', 'peers', name);

const pythonModules = new Map<string, boolean>();
function missingModule(module: string): string | null {
  if (!existsSync(python)) return 'not installed; npm run bench:setup installs it';
  let found = pythonModules.get(module);
  if (found === undefined) {
    const code = 'import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)';
    found = spawnSync(python, ['-c', code, module]).status === 0;
    pythonModules.set(module, found);
  }
  return found ? null : `no ${module}; npm run bench:setup installs it`;
}
const missingFile = (path: string): string | null => (existsSync(path) ? null : 'not installed; npm run bench:setup installs it');

const torch = (mode: string, title: string, env: Record<string, string> = {}): PeerSpec => ({
  id: mode === 'eager' ? 'torch' : `torch-${mode}`,
  title,
  command: [python, script('torch_peer.py'), mode],
  env,
  absent: missingModule('torch'),
});
const flax = (mode: string, title: string): PeerSpec => ({
  id: mode === 'guide' ? 'flax' : `flax-${mode}`,
  title,
  command: [python, script('flax_peer.py'), mode],
  env: { JAX_PLATFORMS: 'cpu' },
  absent: missingModule('flax'),
});

/** flaxen with its default number of threads, or with so many. */
export const flaxen = (threads?: number): PeerSpec => ({
  id: threads === undefined ? 'flaxen' : `flaxen-${threads}`,
  title: threads === undefined ? 'flaxen' : `flaxen, ${threads} thread${threads === 1 ? '' : 's'}`,
  command: [process.execPath, '--import', 'tsx', script('flaxen_peer.ts')],
  env: {
    // The package as it is installed, not lib/ as tsx would compile it for each run: slower, with helpers that keep functions' names.
    TSX_TSCONFIG_PATH: script('built.tsconfig.json'),
    ...(threads !== undefined && { FLAXEN_NUM_THREADS: String(threads) }),
    ...(process.env.FLAXEN_BACKEND && { FLAXEN_BACKEND: process.env.FLAXEN_BACKEND }),
    ...(process.env.FLAXEN_ISA && { FLAXEN_ISA: process.env.FLAXEN_ISA }),
  },
  absent:
    (missingFile(join(root, 'build', 'Release', 'flaxen.node')) ?? missingFile(join(root, 'dist', 'index.js'))) &&
    'not built; npm run build builds it',
});

/** The same programs on tfjs-node's kernels. */
const flaxenTfjs = (): PeerSpec => ({
  ...flaxen(),
  id: 'flaxen-tfjs',
  title: 'flaxen on tfjs-node',
  env: { ...flaxen().env, FLAXEN_BACKEND: 'tfjs' },
  absent: missingFile(join(root, 'node_modules', '@tensorflow', 'tfjs-node', 'lib')),
});
const tfjs = (): PeerSpec => ({
  id: 'tfjs',
  title: 'tfjs-node',
  command: [process.execPath, script('tfjs_peer.mjs')],
  env: { TF_CPP_MIN_LOG_LEVEL: '2' },
  absent: missingFile(findTfjs(root)?.binding ?? ''),
});
const jaxjs = (): PeerSpec => ({
  id: 'jaxjs',
  title: 'jax-js wasm',
  command: [process.execPath, script('jaxjs_peer.mjs')],
  absent: missingFile(join(setup, 'jaxjs', 'node_modules', '@jax-js', 'jax')),
});
const numpy = (): PeerSpec => ({
  id: 'numpy',
  title: 'NumPy, OpenBLAS',
  command: [python, script('numpy_peer.py')],
  absent: missingModule('numpy'),
});

/** All that are known, flaxen first. `threads` pins every process to so many processors. */
export function allPeers(threads: number | null): PeerSpec[] {
  const peers = [
    flaxen(),
    flax('guide', 'Flax jit'),
    flax('donated', 'Flax jit, donated'),
    torch('eager', 'PyTorch eager'),
    torch('fused', 'PyTorch, fused Adam'),
    torch('compile', 'torch.compile'),
    tfjs(),
    flaxenTfjs(),
    jaxjs(),
    numpy(),
  ];
  return peers.map((p) => pinned(p, threads));
}

/** A peer that pays for its first call in full: nothing compiled earlier is found on disk. */
export const withoutCaches = (spec: PeerSpec): PeerSpec => ({
  ...spec,
  env: { ...spec.env, TORCHINDUCTOR_FORCE_DISABLE_CACHES: '1' },
});

/** The same on the first so many processors, so that peers that ask the machine how many it has get the same answer. */
export function pinned(spec: PeerSpec, threads: number | null): PeerSpec {
  if (threads === null) return spec;
  return { ...spec, command: ['taskset', '-c', threads === 1 ? '0' : `0-${threads - 1}`, ...spec.command] };
}
