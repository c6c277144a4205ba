// Whether an NVIDIA card is here, and the programs of native/test/gpu, built for it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../run.mjs';

/** The exit status of the GPU scripts where there is no card: neither passed nor failed. */
export const NO_CARD = 77;

/** What the driver's tool calls each card, or why there is none. */
export function findCards() {
  const { status, stdout, error } = spawnSync('nvidia-smi', ['-L'], { encoding: 'utf8' });
  const cards = status === 0 ? stdout.split('\n').filter((line) => line.startsWith('GPU ')) : [];
  if (cards.length > 0) return { cards };
  // A container may have the device and not the tool.
  if (existsSync('/dev/nvidia0')) return { cards: ['an NVIDIA device that nvidia-smi does not tell of'] };
  return { cards, reason: error ? 'no nvidia-smi on PATH and no /dev/nvidia0' : 'nvidia-smi lists no GPU' };
}

/** Builds a target of native/test/gpu under build/gpu; gives the program's path, or null after saying what failed. */
export function buildProgram(target) {
  const build = join(root, 'build', 'gpu');
  const commands = [
    ['-S', join(root, 'native', 'test', 'gpu'), '-B', build, '-DCMAKE_BUILD_TYPE=Release'],
    ['--build', build, '--config', 'Release', '--parallel', '--target', target],
  ];
  for (const args of commands) {
    const { status, error } = spawnSync('cmake', args, { stdio: ['ignore', 2, 2] });
    if (error) console.error(`cmake could not be started (${error.code}): CMake 3.24 and CUDA's nvcc are needed, on PATH or by CUDACXX`);
    if (status !== 0) return null;
  }
  return join(build, target);
}
