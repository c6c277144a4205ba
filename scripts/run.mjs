// Shared by the set-up scripts: run commands, say what is happening. Only Node's own modules, since these run before npm install.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Runs a command in the repository's root with its output shown; returns its exit status. */
export function run(command, args, env = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } });
  if (result.error) {
    console.error(`${command} could not be started (${result.error.code}): is it installed and on PATH?`);
    return 127;
  }
  return result.status ?? 1;
}

/** Prints a heading, runs `work`, prints how long it took; `work` returns an exit status. */
export function step(title, work) {
  console.log(`\n── ${title}`);
  const started = Date.now();
  const status = work();
  console.log(`── ${title}: ${status === 0 ? 'done' : `failed (status ${status})`} in ${((Date.now() - started) / 1000).toFixed(1)} s`);
  return status;
}

/** Installs the dependencies of package-lock.json unless they are there, or are another checkout's, which npm ci would empty through the link. */
export function install() {
  const modules = join(root, 'node_modules');
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) {
    console.log(`node_modules is a link to ${readlinkSync(modules)}: its packages are taken as they are`);
    return 0;
  }
  const stamp = join(modules, '.flaxen-lock');
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return 0;
  const status = run('npm', ['ci', '--no-audit', '--no-fund']);
  if (status === 0) {
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, lock);
  }
  return status;
}

/** Configures and builds the addon, with further options for CMake, then builds the library. (cmake-js compile alone would not look at new options.) */
export const build = (options = []) =>
  run('npx', ['cmake-js', 'configure', ...options]) || run('npx', ['cmake-js', 'build']) || run('npm', ['run', '--silent', 'build:lib']);
