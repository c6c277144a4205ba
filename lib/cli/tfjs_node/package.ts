/** The npm package itself, without its install script, in the user's project. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { packageRoot } from '../../backends/package.js';
import { findTfjs, TFJS_NODE, type TfjsPackage } from '../../backends/tfjs_package.js';
import { InstallError } from './problem.js';
import { run } from './tools.js';

export const TFJS_VERSION = '4.22.0';

/** The project around `folder`: the nearest folder with a package.json. */
export function findProject(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, 'package.json'))) return at;
    if (dirname(at) === at) {
      throw new InstallError(`there is no package.json in ${folder} or above it: run this in your project's folder, after "npm init".`);
    }
  }
}

/** npm's own script where npm or npx started this process, else npm on the PATH. */
function npm(): [command: string, args: string[]] {
  const script = process.env.npm_execpath && join(dirname(process.env.npm_execpath), 'npm-cli.js');
  if (script && basename(process.env.npm_execpath!).startsWith('np') && existsSync(script)) return [process.execPath, [script]];
  return ['npm', []];
}

/** The package as the project sees it, added to its optional dependencies if need be. */
export function installPackage(project: string): TfjsPackage {
  const there = findTfjs(project);
  if (there !== null) return there;
  for (const [lock, command] of Object.entries({ 'pnpm-lock.yaml': 'pnpm add --save-optional', 'yarn.lock': 'yarn add --optional' })) {
    if (existsSync(join(project, lock))) {
      throw new InstallError(
        `${project} is not npm's (it has ${lock}). Run "${command} --ignore-scripts ${TFJS_NODE}@${TFJS_VERSION}", then this again.`,
      );
    }
  }
  const save = project === join(packageRoot) ? ['--no-save'] : ['--save-optional', '--save-exact'];
  const [command, args] = npm();
  run(
    command,
    [...args, 'install', ...save, '--ignore-scripts', '--no-audit', '--no-fund', `${TFJS_NODE}@${TFJS_VERSION}`],
    'Its messages, if any, are above; npm comes with Node.',
    { cwd: project, shell: process.platform === 'win32' && command === 'npm' },
  );
  const found = findTfjs(project);
  if (found === null) throw new InstallError(`npm installed ${TFJS_NODE}, yet it is not to be found from ${project}`);
  return found;
}
