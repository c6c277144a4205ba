// npm run test:avx512: the C++ tests of the CPU's kernels with their AVX-512 variants on a machine without those instructions: a Linux of its own
// boots on Bochs, which emulates such a processor at some 20 million instructions a second. What it needs comes from Debian. The last line counts.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { root } from '../run.mjs';

const TESTS = ['batch_norm', 'fuse_relu', 'gemm', 'dense', 'fuse_dense', 'elementwise_chains', 'loss', 'reduce'].map(
  (name) => `${name}_test`,
);
const PACKAGES = 'bochs bochsbios vgabios isolinux syslinux-common xorriso busybox-static cpio'.split(' ');
const KERNEL = 'linux-image-cloud-amd64';
const PROCESSOR = 'corei7_skylake_x';
const PATIENCE = 3 * 3600_000;
const chosen = process.argv.length > 2 ? process.argv.slice(2) : TESTS; // names of tests
const home = join(root, 'out', 'elsewhere', 'avx512');
const disk = join(home, 'disk'); // the memory that Linux starts with
const serial = join(home, 'serial.log');

install();
disc();
const finished = await boot();
const results = [...readFileSync(serial, 'latin1').matchAll(/^== (\w+) exit (\d+)/gm)];
const failed = chosen.filter((test) => !results.some(([, name, status]) => name === test && status === '0'));
for (const test of failed) console.log(`FAILED ${test}`);
if (!finished) console.log(`Linux did not come to its end; see ${join(home, 'bochs.log')}`);
console.log(`${chosen.length - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length === 0 ? 0 : 1);

/** Runs a program, which must not fail. */
function must(program, args, options = {}) {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8', ...options });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed: ${error?.message ?? stderr}`);
}

/** The packages, and a kernel that is only unpacked. */
function install() {
  if (spawnSync('dpkg', ['-s', ...PACKAGES]).status !== 0) {
    if (process.getuid() !== 0) throw new Error(`install ${PACKAGES.join(' ')}, which takes root`);
    must('apt-get', ['update', '-qq']);
    must('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...PACKAGES]);
  }
  mkdirSync(home, { recursive: true });
  if (linux()) return;
  const { stdout } = spawnSync('apt-cache', ['depends', KERNEL], { encoding: 'utf8' });
  const [, version] = /Depends: (linux-image-\S+)/.exec(stdout) ?? [];
  if (!version) throw new Error(`Linux comes from Debian's ${KERNEL}, which this system does not have`);
  must('sh', ['-c', `apt-get -qq download ${version} && dpkg-deb -x ${version}_*.deb kernel`], { cwd: home });
}

/** The kernel, once it is there. */
function linux() {
  const boot = join(home, 'kernel', 'boot');
  const name = existsSync(boot) && readdirSync(boot).find((file) => file.startsWith('vmlinuz'));
  return name ? join(boot, name) : null;
}

/** A disc that boots Linux into the tests. */
function disc() {
  rmSync(disk, { recursive: true, force: true });
  for (const folder of ['bin', 'proc', 'sys', 'dev', 'tests']) mkdirSync(join(disk, folder), { recursive: true });
  cpSync('/bin/busybox', join(disk, 'bin', 'busybox'));
  const libraries = new Set();
  for (const test of chosen) {
    const program = join(root, 'build', 'native', 'test', test);
    if (!existsSync(program)) throw new Error(`${program} is not there; npm run verify builds the C++ tests`);
    cpSync(program, join(disk, 'tests', test));
    for (const [path] of spawnSync('ldd', [program], { encoding: 'utf8' }).stdout.matchAll(/\/\S+/g)) libraries.add(path);
  }
  for (const path of libraries) cpSync(path, join(disk, path), { dereference: true });
  const tests = chosen.map(
    (test) => `echo "== ${test}"; FLAXEN_ISA=avx512 FLAXEN_NUM_THREADS=2 /tests/${test} fewer; echo "== ${test} exit $?"`,
  );
  const mounts = ['proc /proc', 'sysfs /sys', 'devtmpfs /dev'].map((what) => `/bin/busybox mount -t ${what.replace(' ', ' none ')}`);
  writeFileSync(join(disk, 'init'), ['#!/bin/busybox sh', ...mounts, ...tests, '/bin/busybox poweroff -f', ''].join('\n'), { mode: 0o755 });
  const iso = join(home, 'iso');
  mkdirSync(join(iso, 'isolinux'), { recursive: true });
  must('sh', ['-c', `find . | cpio -o -H newc | gzip -1 > ${join(iso, 'initrd.gz')}`], { cwd: disk });
  cpSync(linux(), join(iso, 'vmlinuz'));
  for (const path of ['/usr/lib/ISOLINUX/isolinux.bin', '/usr/lib/syslinux/modules/bios/ldlinux.c32'])
    cpSync(path, join(iso, 'isolinux', basename(path)));
  // Linux takes no xsave at all where the sizes of its compact form do not fit, and Bochs counts them otherwise.
  const options = 'console=ttyS0 loglevel=3 nosmp noapic tsc=reliable mitigations=off random.trust_cpu=on clearcpuid=xsaves,xsavec';
  writeFileSync(
    join(iso, 'isolinux', 'isolinux.cfg'),
    `default tests\nprompt 0\nlabel tests\n kernel /vmlinuz\n append initrd=/initrd.gz ${options}\n`,
  );
  const boots = '-b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table'.split(' ');
  must('xorriso', ['-as', 'mkisofs', '-quiet', '-o', join(home, 'tests.iso'), ...boots, iso]);
}

/** Runs the machine, saying what it says; resolves to whether Linux switched it off. */
async function boot() {
  const settings = {
    cpu: `model=${PROCESSOR}, count=1, ips=50000000`,
    megs: 1024,
    romimage: 'file=/usr/share/bochs/BIOS-bochs-latest',
    vgaromimage: 'file=/usr/share/vgabios/vgabios.bin',
    'ata0-master': `type=cdrom, path=${join(home, 'tests.iso')}, status=inserted`,
    boot: 'cdrom',
    com1: `enabled=1, mode=file, dev=${serial}`,
    display_library: 'rfb, options="timeout=0"',
    log: join(home, 'bochs.log'),
    panic: 'action=fatal',
    clock: 'sync=none',
  };
  writeFileSync(
    join(home, 'bochsrc'),
    Object.entries(settings)
      .map(([key, value]) => `${key}: ${value}\n`)
      .join(''),
  );
  writeFileSync(join(home, 'commands'), 'c\n'); // to its debugger: go
  rmSync(serial, { force: true });
  const quiet = openSync(join(home, 'screen.log'), 'w');
  const bochs = spawn('script', ['-qfc', 'bochs -q -f bochsrc -rc commands', '/dev/null'], {
    cwd: home,
    env: { ...process.env, TERM: 'xterm' },
    stdio: ['ignore', quiet, quiet],
    timeout: PATIENCE,
  });
  let ended = false;
  bochs.on('close', () => (ended = true));
  for (let said = 0; ;) {
    const last = ended;
    await setTimeout(1000);
    const text = existsSync(serial) && statSync(serial).size > said ? readFileSync(serial, 'latin1').slice(said) : '';
    process.stdout.write(text);
    said += text.length;
    if (last) break;
  }
  return readFileSync(join(home, 'bochs.log'), 'latin1').includes('quit_sim');
}
