// Zig's C++ compiler: Clang with the headers and link stubs of many a libc, so that one machine builds for old glibc, for musl and for arm64.
// It comes from the PyPI package `ziglang`, installed under out/ at a pinned version.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from '../run.mjs';

const VERSION = '0.17.1';
const folder = join(root, 'out', 'zig');

/** The program, installed if need be; throws an Error that says what is missing. */
export function zig() {
  const program = join(folder, 'ziglang', process.platform === 'win32' ? 'zig.exe' : 'zig');
  const metadata = join(folder, `ziglang-${VERSION}.dist-info`, 'METADATA');
  if (existsSync(program) && existsSync(metadata) && readFileSync(metadata, 'utf8').length > 0) return program;
  const python = ['python3', 'python'].find((name) => spawnSync(name, ['-m', 'pip', '--version'], { stdio: 'ignore' }).status === 0);
  if (python === undefined) throw new Error('Zig comes from PyPI, and there is no Python with pip here');
  rmSync(folder, { recursive: true, force: true });
  const status = run(python, [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--no-deps',
    '--root-user-action=ignore',
    '--target',
    folder,
    `ziglang==${VERSION}`,
  ]);
  if (status !== 0 || !existsSync(program)) throw new Error(`pip could not install ziglang ${VERSION}`);
  return program;
}
