// The package as npm would unpack it, beside its one dependency at run time, on another machine's Node: trains the program of the package's tests.
// Outside the repository, in which "flaxen" is the repository.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { root } from '../run.mjs';

/** Returns an exit status: 0 where the program learned, on the C++ kernels, with each instruction set. */
export function trains(name, { node, env, isas }) {
  const project = mkdtempSync(join(tmpdir(), 'flaxen-elsewhere-'));
  try {
    const modules = join(project, 'node_modules');
    for (const part of ['package.json', 'dist', 'prebuilds']) cpSync(join(root, part), join(modules, 'flaxen', part), { recursive: true });
    cpSync(join(root, 'node_modules', 'node-gyp-build'), join(modules, 'node-gyp-build'), { recursive: true });
    const source = readFileSync(join(root, 'test', 'package', 'program.ts'), 'utf8');
    writeFileSync(join(project, 'program.mjs'), transformSync(source, { loader: 'ts', format: 'esm' }).code);
    return Number(isas.map((isa) => learns(name, isa, node, { cwd: project, env })).includes(false));
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

function learns(name, isa, node, { cwd, env }) {
  const settings = { ...process.env, ...env, FLAXEN_BACKEND: 'cpu', FLAXEN_ISA: isa };
  const { status, stdout, stderr } = spawnSync(node, ['program.mjs'], { cwd, encoding: 'utf8', env: settings });
  const said = status === 0 ? JSON.parse(stdout) : null;
  console.log(`${name} ${isa}: ${said ? `loss ${said.first.toFixed(4)} to ${said.last.toFixed(4)}` : stderr}`);
  return said !== null && said.backend === 'cpu' && said.last < said.first / 2;
}
