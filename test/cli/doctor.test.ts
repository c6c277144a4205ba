/** The doctor: what it finds on this machine, and how it says what is missing. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Report } from '../../lib/cli/doctor.js';
import { render } from '../../lib/cli/doctor_text.js';
import { driverVersion } from '../../lib/backends/cuda/driver.js';
import { cpuinfoFeatures, cudaDriver } from '../../lib/cli/machine.js';
import { copyOfFlaxen, flaxen, root, temporary } from '../support/command.js';
import { tfjsInstalled } from '../support/installed.js';

describe('flaxen doctor', () => {
  it('finds the addon, and reports it as JSON', () => {
    const { status, out } = flaxen(['doctor', '--json'], root, { FLAXEN_ISA: 'baseline', FLAXEN_NUM_THREADS: '1' });
    const report = JSON.parse(out) as Report;
    expect(report.node.version).toBe(process.versions.node);
    expect(report.addon).toMatchObject({ found: true, isa: 'baseline', threads: 1 });
    expect(report.use).toMatchObject({ name: 'cpu' });
    expect(status).toBe(0);
  });

  it('reports for people', () => {
    const { status, out } = flaxen(['doctor'], root, { FLAXEN_BACKEND: 'cpu' });
    for (const line of [/✓ Node +\d+/, /✓ processor +\S/, /✓ C\+\+ kernels 0/, /CUDA driver/, /tfjs-node +\S/]) expect(out).toMatch(line);
    expect(out).toContain('Programs run on cpu: FLAXEN_BACKEND=cpu.');
    expect(status).toBe(0);
  });

  it('fails where nothing can run, and says what would mend it', () => {
    const bare = copyOfFlaxen(['node-gyp-build']);
    const { status, out } = flaxen(['doctor'], bare, {}, bare);
    expect(out).toMatch(/· C\+\+ kernels the addon is not built\n +Run "node install\.cjs"/);
    expect(out).toMatch(/· tfjs-node +tfjs-node is not installed\n +Run "npx flaxen install-tfjs-node"/);
    expect(out).toContain('Nothing can run programs');
    expect(status).toBe(1);
  });

  /** A copy of flaxen with these bytes as a file of its build folder. */
  function withBuilt(name: string, bytes: string | Uint8Array, modules: readonly string[] = ['node-gyp-build']): string {
    const folder = copyOfFlaxen(modules);
    mkdirSync(join(folder, 'build', 'Release'), { recursive: true });
    writeFileSync(join(folder, 'build', 'Release', name), bytes);
    return folder;
  }
  const addon = (): Buffer => readFileSync(join(root, 'build', 'Release', 'flaxen.node'));

  it('tells an addon that does not load from one that is not built', () => {
    const broken = withBuilt('flaxen.node', 'not a library');
    expect(flaxen(['doctor'], broken, {}, broken).out).toMatch(/· C\+\+ kernels the addon does not load: \S/);
  });

  it.runIf(process.platform === 'linux')('says of an addon whose file was cut short how much is there', () => {
    const broken = withBuilt('flaxen.node', addon().subarray(0, 500_000));
    const { status, out } = flaxen(['doctor'], broken, {}, broken);
    expect(out).toMatch(/· C\+\+ kernels the addon is damaged: \S+ has 500000 of its \d{7,} bytes\n +Run "node install\.cjs"/);
    expect(status).toBe(1);
  });

  it.runIf(process.platform === 'linux')('survives an addon that takes its process down', () => {
    const bytes = addon();
    const broken = withBuilt('flaxen.node', bytes.fill(0, 4096, bytes.length - 8192));
    const { status, out } = flaxen(['doctor'], broken, {}, broken);
    expect(out).toMatch(/· C\+\+ kernels loading the addon ends the process \(SIG\w+\): its file is damaged\n +Run "node install\.cjs"/);
    expect(out).toMatch(/Nothing can run programs:\nloading the addon ends the process/);
    expect(status).toBe(1);
  });

  it.skipIf(!tfjsInstalled)('without the addon says that tfjs runs programs, why, and what would improve it', () => {
    const bare = copyOfFlaxen(['node-gyp-build', '@tensorflow/tfjs-node']);
    const { status, out } = flaxen(['doctor'], bare, {}, bare);
    expect(out).toMatch(/✓ tfjs-node +4\.\S+ with TensorFlow \S+\n/);
    expect(out).toMatch(/Programs run on tfjs: .*cpu cannot \(the addon is not built\)\.\n/);
    expect(out).toMatch(/What would improve it:\n +the C\+\+ kernels, .*: Run "node install\.cjs", which needs CMake/);
    expect(status).toBe(0);
  });

  it.skipIf(cudaDriver() !== null)('with the CUDA library and without a driver says that the driver is missing', () => {
    const folder = withBuilt('libflaxen_cuda.so', 'any');
    writeFileSync(join(folder, 'build', 'Release', 'flaxen.node'), addon());
    const { status, out } = flaxen(['doctor'], folder, {}, folder);
    expect(out).toMatch(
      /· CUDA library there is no NVIDIA driver \(libcuda\.so\.1 cannot be opened\)\n +On a machine with an NVIDIA GPU, install its driver/,
    );
    expect(out).toMatch(/· tfjs-node +tfjs-node is not installed\n/);
    expect(out).toMatch(/Programs run on cpu: .*\n\nWhat would improve it:\n +tfjs-node, .*: Run "npx flaxen install-tfjs-node"\.\n$/);
    expect(status).toBe(0);
  });

  it.each([
    ['abacus', /^there is no backend "abacus": choose one of cuda, cpu, tfjs$/m],
    ['tfjs', /^tfjs-node is not installed\. Run "npx flaxen install-tfjs-node"\.$/m],
  ])('names what is wrong with FLAXEN_BACKEND=%s', (FLAXEN_BACKEND, why) => {
    const folder = withBuilt('flaxen.node', addon());
    const { status, out } = flaxen(['doctor'], folder, { FLAXEN_BACKEND }, folder);
    expect(out).toContain(`Programs cannot run as FLAXEN_BACKEND=${FLAXEN_BACKEND} asks:\n`);
    expect(out).toMatch(why);
    expect(out).toMatch(/Without FLAXEN_BACKEND they get the best that can run here\.\n$/);
    expect(out).toMatch(/✓ C\+\+ kernels/);
    expect(status).toBe(1);
  });

  it('names wrong settings and commands', () => {
    const { status, out } = flaxen(['doctor'], root, { FLAXEN_ISA: 'mmx' });
    expect(out).toMatch(/FLAXEN_ISA=mmx cannot run here; choose one of baseline/);
    expect(status).toBe(1);
    expect(flaxen(['docter'], root).err).toMatch(/there is no command "docter"\nflaxen doctor/);
    expect(flaxen(['doctor', '--colour'], root)).toMatchObject({
      status: 1,
      err: expect.stringMatching(/^flaxen: Unknown option '--colour'/) as string,
    });
  });
});

it('a GPU with its driver shows', () => {
  const device = {
    ordinal: 0,
    name: 'Some GPU',
    capability: '9.0',
    processors: 132,
    memory: 80 * 2 ** 30,
    driver: '13.0',
    driverVersion: '550.54',
  };
  const report: Report = {
    flaxen: '1.2.3',
    node: { version: '20.17.0', platform: 'linux', arch: 'x64', glibc: '2.36' },
    processor: { model: 'Some CPU', processors: 8, features: ['avx2'] },
    addon: { found: true, isa: 'avx2', isas: ['baseline', 'avx2'], threads: 8, version: '1.2.3' },
    cuda: {
      driver: { library: '/lib/libcuda.so.1', version: '550.54', devices: ['Some GPU, 9.0'] },
      library: { found: true, devices: [device] },
    },
    tfjs: { found: true, version: '4.22.0', tensorflow: '2.21.0', folder: '/project/tfjs-node' },
    asked: null,
    use: { name: 'cuda', reason: 'the best there is', backends: [] },
  };
  expect(render(report, false).split('\n')).toEqual([
    'flaxen 1.2.3',
    '',
    '  ✓ Node        20.17.0 on linux x64, glibc 2.36',
    '  ✓ processor   Some CPU, 8 usable',
    '                avx2',
    '  ✓ C++ kernels 1.2.3: uses avx2 of baseline, avx2; 8 threads',
    '  ✓ CUDA driver 550.54, /lib/libcuda.so.1',
    '                Some GPU, 9.0',
    '  ✓ CUDA library device 0: Some GPU, compute capability 9.0, 81920 MiB, driver for CUDA 13.0',
    '  ✓ tfjs-node   4.22.0 with TensorFlow 2.21.0',
    '                /project/tfjs-node',
    '',
    'Programs run on cuda: the best there is.',
  ]);
  expect(render(report, true)).toContain('\u001b[1mcuda\u001b[22m');
  const missing = { found: false, why: 'the CUDA library is not installed', mend: 'Run "npm install it".' } as const;
  expect(render({ ...report, cuda: { ...report.cuda, library: missing } }, false)).toContain(
    'What would improve it:\n  the GPU: the CUDA library is not installed. Run "npm install it".',
  );
});

it('the machine is read from what Linux lists', () => {
  expect(cpuinfoFeatures('processor\t: 0\nflags\t\t: fpu sse4_2 avx avx2 fma bmi2 avx512f\n')).toEqual([
    'sse4_2',
    'avx',
    'avx2',
    'fma',
    'bmi2',
    'avx512f',
  ]);
  expect(cpuinfoFeatures('')).toEqual([]);
});

it("the driver's version is that of the kernel module, or in the name of the library that is loaded", () => {
  const of = (files: Record<string, string>) => driverVersion((path) => files[path] ?? '');
  const greeting = 'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build\nGCC version: gcc 12.2.0';
  const older = 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  470.82.01  Wed Oct 27 21:21:55 UTC 2021\n';
  const maps = [
    '7f3a2c000000-7f3a2c021000 rw-p 00000000 00:00 0',
    '7f3a40000000-7f3a40200000 r-xp 00000000 08:01 131 /usr/lib/x86_64-linux-gnu/libcuda.so.580.65.06',
    '7f3a50000000-7f3a50200000 r-xp 00000000 08:01 132 /usr/lib/x86_64-linux-gnu/libc.so.6',
  ].join('\n');
  expect(of({ '/proc/driver/nvidia/version': greeting })).toBe('550.54.14');
  expect(of({ '/proc/driver/nvidia/version': older, '/proc/self/maps': maps })).toBe('470.82.01');
  expect(of({ '/proc/self/maps': maps })).toBe('580.65.06');
  expect(of({})).toBeNull();
});

it.runIf(process.platform === 'linux')('the driver is looked for where libraries are', () => {
  const folder = temporary();
  writeFileSync(join(folder, 'libcuda.so.1'), '');
  expect(cudaDriver([folder])?.library).toBe(join(folder, 'libcuda.so.1'));
});
