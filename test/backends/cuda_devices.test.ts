/** Two simulated devices, and simulated faults: what a program sees of them. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { backendInfo, devices, errors, jit, np, setBackend, setDevice, type Tensor } from 'flaxen';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../lib/backends/package.js';

const simulator = join(packageRoot, 'build', 'Release', 'libflaxen_cuda_sim.so');

describe.skipIf(!existsSync(simulator))('on simulated devices', () => {
  const before = { ...process.env };
  beforeAll(() => {
    process.env.FLAXEN_CUDA_SIM = '80';
    process.env.FLAXEN_CUDA_SIM_DEVICES = '2';
  });
  afterAll(() => {
    process.env = before;
  });

  it('both are listed, and a third is an error that lists them', () => {
    const kind = { capability: '8.0', driver: expect.stringMatching(/^\d+\.\d+$/) as string, driverVersion: null };
    expect(devices()).toMatchObject([
      { ordinal: 0, name: 'simulated sm_80', ...kind },
      { ordinal: 1, name: 'simulated sm_80 #1', ...kind },
    ]);
    expect(() => setDevice(2)).toThrow(errors.ArgumentError);
    expect(() => setDevice(2)).toThrow('choose one of 0 (simulated sm_80, capability 8.0), 1 (simulated sm_80 #1, capability 8.0)');
  });

  it('programs run on either, by turns, and tensors move over', () => {
    const step = jit((x: Tensor) => np.cumsum(x.mul(2).add(1)));
    const x = np.array([1, 2, 3]);
    for (let turn = 0; turn < 8; turn++) {
      setDevice(turn % 2);
      expect(backendInfo()).toMatchObject({ name: 'cuda', reason: `setDevice(${turn % 2})` });
      const y = step(x);
      setDevice(1 - (turn % 2));
      expect(y.add(1).toArray()).toEqual([4, 9, 16]);
    }
    setBackend('cpu');
  });

  /** The output of a program that runs with these settings. */
  function output(program: string, env: Record<string, string>): string {
    const source = `import { backendInfo, jit, np } from 'flaxen';\n${program}`;
    const options = { cwd: packageRoot, encoding: 'utf8', env: { ...before, FLAXEN_CUDA_SIM: '1', ...env } } as const;
    return execFileSync(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source], options).trim();
  }

  it.each([
    ['1,0', '0 simulated sm_80 #1, 1 simulated sm_80', 'cuda 3,3'],
    ['1', '0 simulated sm_80 #1', 'cuda 3,3'],
    ['0,7,1', '0 simulated sm_80', 'cuda 3,3'],
    ['', '', 'cpu 3,3 there is no CUDA device among CUDA_VISIBLE_DEVICES='],
    ['GPU-9', '', 'cpu 3,3 there is no CUDA device among CUDA_VISIBLE_DEVICES=GPU-9'],
  ])('CUDA_VISIBLE_DEVICES=%s leaves these, in this order: %s', (visible, listed, ran) => {
    const program = `
      import { devices, errors, setDevice } from 'flaxen';
      const all = devices();
      console.log(all.map(({ ordinal, name }) => ordinal + ' ' + name).join(', '));
      if (all.length > 0) setDevice(all.length - 1);
      const sum = np.ones([2]).add(2).toArray().join();
      const { name, backends } = backendInfo();
      console.log([name, sum, backends.find((b) => b.name === 'cuda').why].filter(Boolean).join(' '));
      try { setDevice(all.length); } catch (error) { console.log(error.name); }`;
    const env = { FLAXEN_BACKEND: '', FLAXEN_CUDA_SIM: '80', FLAXEN_CUDA_SIM_DEVICES: '2', CUDA_VISIBLE_DEVICES: visible };
    const thrown = listed === '' ? 'UnavailableError' : 'ArgumentError';
    expect(output(program, env).split('\n')).toEqual([...(listed === '' ? [] : [listed]), ran, thrown]);
  });

  it('a device that cannot be opened is no reason not to run', () => {
    const program = 'console.log(np.ones([2]).add(1).toArray().join(), backendInfo().name, backendInfo().reason);';
    expect(output(program, { FLAXEN_BACKEND: '', FLAXEN_CUDA_SIM_FAIL: 'cudaStreamCreate:46' })).toMatch(
      /^2,2 cpu the best that can run here: cuda cannot \(the CUDA device 0 \(simulated sm_80\) cannot be opened: CUDA error 46 .* making a stream\)$/,
    );
  });

  it('a launch that fails is an error that names the operation and its shape; the next one runs', () => {
    const program = `
      const f = jit((x) => np.cumsum(x));
      try { f(np.ones([5])).toArray(); } catch (error) { console.log(error.name, error.message); }
      console.log(f(np.ones([5])).toArray().join());`;
    expect(output(program, { FLAXEN_BACKEND: 'cuda', FLAXEN_CUDA_SIM_FAIL: 'cudaLaunchKernel:701' })).toMatch(
      /^BackendError CUDA error 701 \(.*\) in .*\[5\].*\n/,
    );
  });

  it('after a fault in a kernel each call says that the process must be restarted, and the process lives', () => {
    const program = `
      const x = np.ones([5]);
      const tried = async (f) => { try { await f(); return 'no error'; } catch (error) { return error.name + ': ' + error.message; } };
      console.log(await tried(() => x.add(1).data()));
      console.log(await tried(() => x.add(2).toArray()));
      console.log('alive');`;
    const lines = output(program, { FLAXEN_BACKEND: 'cuda', FLAXEN_CUDA_SIM_FAIL: 'kernel:700' }).split('\n');
    for (const line of lines.slice(0, 2)) expect(line).toMatch(/^BackendError: CUDA error 700 .*The device can do nothing more in this process: restart it$/); // prettier-ignore
    expect(lines[2]).toBe('alive');
  });

  it('the error of a fault in a kernel names what was under way, and with FLAXEN_CUDA_SYNC=1 the very step', () => {
    const program = `
      const f = jit((x) => np.cumsum(np.sort(x)));
      const x = np.ones([5]);
      try { console.log((await f(x).data()).join()); } catch (error) { console.log(error.message); }`;
    const env = { FLAXEN_BACKEND: 'cuda', FLAXEN_CUDA_SIM_FAIL: 'cumsum:700' };
    expect(output(program, env)).toMatch(
      /^CUDA error 700 \(.*\) in reading an array, by a kernel of what was under way: \(.*sort float32\[5\].*, cumsum float32\[5\] -> float32\[5\]\)/,
    );
    const step = output(program, { ...env, FLAXEN_CUDA_SYNC: '1' });
    expect(step).toMatch(/^CUDA error 700 \(.*\) in cumsum float32\[5\] -> float32\[5\]/);
    expect(step).not.toContain('under way');
    expect(output(program, { FLAXEN_BACKEND: 'cuda', FLAXEN_CUDA_SYNC: '1' })).toBe('1,2,3,4,5');
  });
});
