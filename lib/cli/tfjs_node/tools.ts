/** Programs that the installer needs on this machine, and room on its disks. */
import { spawnSync, type SpawnSyncOptions } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { InstallError } from './problem.js';

/** Whether a command runs and succeeds. */
export const works = (command: string, args: readonly string[]): boolean => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** Runs a command with its output shown; throws an InstallError that names it when it fails. */
export function run(command: string, args: readonly string[], mend: string, options: SpawnSyncOptions = {}): void {
  const { status, error, signal } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
  if (error) throw new InstallError(`${command} could not be started (${(error as NodeJS.ErrnoException).code}). ${mend}`);
  if (status !== 0) throw new InstallError(`${command} failed (${signal ?? `status ${status}`}). ${mend}`);
}

/** A Python that has pip; PYTHON names one. */
export function findPython(): string {
  const names = process.env.PYTHON ? [process.env.PYTHON] : ['python3', 'python'];
  const python = names.find((name) => works(name, ['-c', 'import sys; sys.exit(sys.version_info < (3, 8))']));
  if (python === undefined) {
    throw new InstallError(
      `no Python 3.8 or newer (looked for ${names.join(', ')}): TensorFlow's C library comes out of a Python package. ` +
        'Install python3 and pip (Debian, Ubuntu: apt install python3-pip; Fedora: dnf install python3-pip), or name a Python in PYTHON.',
    );
  }
  if (!works(python, ['-m', 'pip', '--version'])) {
    throw new InstallError(`${python} has no pip. Install it (Debian, Ubuntu: apt install python3-pip), or name another Python in PYTHON.`);
  }
  return python;
}

/** A C++ compiler; CXX names one. */
export function findCompiler(): string {
  const names = process.env.CXX ? [process.env.CXX] : ['c++', 'g++', 'clang++'];
  const compiler = names.find((name) => works(name, ['--version']));
  if (compiler !== undefined) return compiler;
  throw new InstallError(
    `no C++ compiler (looked for ${names.join(', ')}), which tfjs-node's binding is built with. ` +
      'Install one (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++), or name one in CXX.',
  );
}

/** Throws unless the disk of `folder` has so many bytes free. */
export function needSpace(folder: string, bytes: number, what: string, free: (folder: string) => number = freeBytes): void {
  const there = free(folder);
  if (there >= bytes) return;
  const mb = (n: number) => `${Math.ceil(n / 1e6)} MB`;
  throw new InstallError(`${what} needs ${mb(bytes)} in ${folder}, where ${mb(there)} are free. Make room there.`);
}

function freeBytes(folder: string): number {
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw new InstallError(`${folder} cannot be made (${(error as NodeJS.ErrnoException).code}): give this user the right to write there.`);
  }
}

/** A new folder in `folder` for work that must come out whole or not at all; those of processes that were killed at it go. */
export function scratchFolder(folder: string, name: string): string {
  const pattern = new RegExp(`^${name}-(\\d+)$`);
  for (const entry of readdirSync(folder)) {
    const owner = pattern.exec(entry)?.[1];
    if (owner !== undefined && !isAlive(Number(owner))) rmSync(join(folder, entry), { recursive: true, force: true });
  }
  const scratch = join(folder, `${name}-${process.pid}`);
  makeFolder(scratch);
  return scratch;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'; // somebody else's process is alive too
  }
}
