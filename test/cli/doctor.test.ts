/** The doctor: what it finds on this machine, and how it says what is missing. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Report } from '../../lib/cli/doctor.js';
import { render } from '../../lib/cli/doctor_text.js';
import { cpuinfoFeatures, cudaDriver, driverVersion } from '../../lib/cli/machine.js';
import { copyOfFlaxen, flaxen, root, temporary } from '../support/command.js';

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

  it('tells an addon that does not load from one that is not built', () => {
    const broken = copyOfFlaxen(['node-gyp-build']);
    mkdirSync(join(broken, 'build', 'Release'), { recursive: true });
    writeFileSync(join(broken, 'build', 'Release', 'flaxen.node'), 'not a library');
    expect(flaxen(['doctor'], broken, {}, broken).out).toMatch(/· C\+\+ kernels the addon does not load: \S/);
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
  const device = { ordinal: 0, name: 'Some GPU', capability: '9.0', processors: 132, memory: 80 * 2 ** 30, driver: '13.0' };
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
    '  ✓ CUDA library device 0: Some GPU, compute capability 9.0, 81920 MiB',
    '  ✓ tfjs-node   4.22.0 with TensorFlow 2.21.0',
    '                /project/tfjs-node',
    '',
    'Programs run on cuda: the best there is.',
  ]);
  expect(render(report, true)).toContain('\u001b[1mcuda\u001b[22m');
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
  const greeting = 'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.14  Release Build\nGCC version: gcc 12.2.0';
  expect(driverVersion(greeting)).toBe('550.54.14');
  expect(driverVersion('')).toBeUndefined();
});

it.runIf(process.platform === 'linux')('the driver is looked for where libraries are', () => {
  const folder = temporary();
  writeFileSync(join(folder, 'libcuda.so.1'), '');
  expect(cudaDriver([folder])?.library).toBe(join(folder, 'libcuda.so.1'));
});
