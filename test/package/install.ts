/** Installing the packed flaxen as a machine without compiler and network does, and running programs there. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync, type Format } from 'esbuild';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Installed {
  /** Holds all that the checks make. */
  readonly folder: string;
  readonly tarball: string;
  /** What `npm pack --json` says. */
  readonly packed: {
    readonly filename: string;
    readonly size: number;
    readonly unpackedSize: number;
    readonly files: readonly { path: string; size: number }[];
  };
  /** The folder of a project that has flaxen in node_modules. */
  readonly project: string;
  readonly output: string;
  readonly seconds: number;
  /** Whether the network was off: unshare(1) needs the right to make a namespace. */
  readonly isolated: boolean;
}

/** A command without network where this machine lets us take it away. */
const isolation = (): readonly string[] => (spawnSync('unshare', ['-rn', 'true']).status === 0 ? ['unshare', '-rn'] : []);

/** A PATH with Node, npm and a shell, and neither compiler nor CMake. */
export function barePath(folder: string): string {
  const bin = join(folder, 'bin');
  if (existsSync(bin)) return bin;
  mkdirSync(bin);
  const find = (name: string): string | undefined => (process.env.PATH ?? '').split(delimiter).map((path) => join(path, name)).find((path) => existsSync(path)); // prettier-ignore
  for (const name of ['node', 'npm', 'sh', 'env', 'unshare']) {
    const program = name === 'node' ? process.execPath : find(name);
    if (program !== undefined) symlinkSync(program, join(bin, name));
  }
  return bin;
}

/** Installs the tarball in an empty folder `name`, from the cache that is there, without network and compiler. */
export function install(folder: string, name: string, tarball: string): Pick<Installed, 'project' | 'output' | 'seconds' | 'isolated'> {
  const project = join(folder, name);
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
  const without = isolation();
  const options = [
    '--offline',
    '--cache',
    join(folder, 'cache'),
    '--ignore-scripts=false',
    '--foreground-scripts',
    '--no-audit',
    '--no-fund',
  ];
  const line = [...without, 'npm', 'install', ...options, tarball];
  const env = { PATH: barePath(folder), HOME: folder, npm_config_userconfig: join(folder, 'npmrc') };
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync(line[0]!, line.slice(1), { cwd: project, encoding: 'utf8', env });
  if (status !== 0) throw new Error(`npm install failed:\n${stdout}\n${stderr}`);
  return { project, output: `${stdout}\n${stderr}`, seconds: (performance.now() - started) / 1000, isolated: without.length > 0 };
}

export interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs Node in a folder; `node` is another version's program. */
export function runNode(
  cwd: string,
  args: readonly string[],
  { node = process.execPath, env = {} }: { node?: string; env?: NodeJS.ProcessEnv } = {},
): Ran {
  const own = { PATH: process.env.PATH, HOME: process.env.HOME, ...env };
  const { status, stdout, stderr, error } = spawnSync(node, args, { cwd, encoding: 'utf8', env: own });
  if (error) throw error;
  return { status, out: stdout, err: stderr };
}

/** The program of these checks in JavaScript. */
export function translated(source: string, format: Format): string {
  return transformSync(source, { loader: 'ts', format, target: 'node20.17' }).code;
}

/** A file of a package of the repository, such as a compiler's command. */
export const ofRepository = (path: string): string => createRequire(join(root, 'package.json')).resolve(path);
