/** The packed package under other package managers than npm, each as npm itself has it, with no compiler on PATH. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, test } from 'vitest';
import { barePath, root, runNode, translated } from './install.js';

const { folder, tarball } = inject('installed');
const source = readFileSync(join(root, 'test', 'package', 'program.ts'), 'utf8');

interface Manager {
  /** The package of npm that has it, and its program in there. */
  readonly spec: string;
  readonly program: string;
  /** What adds flaxen to a project, and the files that the project needs first. */
  readonly add: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  /** Runs Node in the project, where that is not plain `node`. */
  readonly node?: readonly string[];
}

const managers: Record<string, Manager> = {
  'Yarn 4, without node_modules (Plug and Play)': {
    spec: '@yarnpkg/cli-dist@4.18.1',
    program: '@yarnpkg/cli-dist/bin/yarn.js',
    add: ['add', `flaxen@file:${tarball}`],
    files: { 'yarn.lock': '', '.yarnrc.yml': 'enableTelemetry: 0\nenableGlobalCache: false\n' },
    node: ['node'],
  },
  'pnpm 12': {
    spec: 'pnpm@12.21.0',
    program: 'pnpm/bin/pnpm.mjs',
    add: ['add', '--store-dir', join(folder, 'pnpm-12'), tarball],
    files: { 'pnpm-workspace.yaml': 'allowBuilds:\n  flaxen: false\n' }, // says that its install script need not run
  },
};

/** The program of a package manager, which npm fetches once, into out/managers. */
function fetched({ spec, program }: Manager): string {
  const home = join(root, 'out', 'managers', spec.replace('/', '-'));
  const path = join(home, 'node_modules', program);
  if (!existsSync(path)) {
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
    const { status, stderr } = spawnSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', spec], {
      cwd: home,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`npm has no ${spec} for us: ${stderr}`);
  }
  return path;
}

describe('other package managers install it, and the program runs', () => {
  test.each(Object.entries(managers))('%s', (name, manager) => {
    const program = fetched(manager);
    const project = join(folder, name.replace(/\W+/g, '-'));
    mkdirSync(project);
    const files = { 'package.json': '{ "private": true }\n', 'program.mjs': translated(source, 'esm'), ...manager.files };
    for (const [file, text] of Object.entries(files)) writeFileSync(join(project, file), text);
    const bare = { PATH: barePath(folder) };
    const added = runNode(project, [program, ...manager.add], { env: { ...process.env, ...bare } }); // with the network's settings
    expect(added.status, added.out + added.err).toBe(0);
    const { out, err } = runNode(project, [...(manager.node === undefined ? [] : [program, ...manager.node]), 'program.mjs'], {
      env: bare,
    });
    const said = (out.startsWith('{') ? JSON.parse(out) : { err }) as { backend: string; first: number; last: number };
    expect(said).toMatchObject({ backend: 'cpu' });
    expect(said.last).toBeLessThan(said.first / 2);
  });
});
