// Node's own binaries of other versions, as npm packages have them.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run.mjs';

/**
 * The path of the newest Node of a major version: this one, or one that npm fetches once, into out/nodes; throws where npm has none. The package with the
 * binary itself: the package `node` has its install script fetch it, and without install scripts it is no error that the Node on the PATH runs instead.
 */
export function nodeOf(major) {
  if (major === Number(process.versions.node.split('.')[0])) return process.execPath;
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const folder = join(root, 'out', 'nodes', String(major));
  const program = join(folder, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
    const { status, stderr } = spawnSync('npm', ['install', '--no-audit', '--no-fund', `${name}@${major}`], {
      cwd: folder,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`npm has no ${name}@${major} for us: ${stderr.trim().split('\n').at(-1)}`);
  }
  return program;
}
