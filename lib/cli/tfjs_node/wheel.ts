/** The Python package that carries TensorFlow's C library, fetched once by pip, checked, and kept. */
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { InstallError } from './problem.js';
import { findPython, makeFolder, needSpace, run, scratchFolder } from './tools.js';

/** One file of the package index. The tags choose it, so that this machine's Python may be of any version. */
export interface Wheel {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly python: string;
  readonly platform: string;
}

// What PyPI lists for the pinned version; there is none for arm64, musl or macOS.
const WHEELS: Readonly<Record<string, Wheel>> = {
  'linux-x64': {
    name: 'tensorflow-cpu',
    version: '2.21.0',
    file: 'tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl',
    bytes: 273_829_956,
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    python: '311',
    platform: 'manylinux_2_27_x86_64',
  },
};

/** The wheel for this machine; throws where there is none. `libc` is glibc's version, if the system has it. */
export function wheelFor(platform: string, arch: string, libc: string | undefined): Wheel {
  const wheel = WHEELS[`${platform}-${arch}`];
  if (wheel === undefined) {
    throw new InstallError(
      `there is no TensorFlow wheel for ${platform}-${arch} (only for ${Object.keys(WHEELS).join(', ')}): ` +
        `here tfjs-node comes only from its own installer, which needs https://storage.googleapis.com.`,
    );
  }
  const [major = 0, minor = 0] = (libc ?? '').split('.').map(Number);
  if (platform === 'linux' && (major < 2 || (major === 2 && minor < 27))) {
    throw new InstallError(
      `TensorFlow ${wheel.version} needs glibc 2.27 or newer; this system has ${libc ? `glibc ${libc}` : 'another libc'}.`,
    );
  }
  return wheel;
}

/** The version of glibc that this process runs on. */
export function glibc(): string | undefined {
  const report = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return report.header.glibcVersionRuntime;
}

/** Where downloads are kept between runs: FLAXEN_CACHE, else flaxen's folder in the user's cache. */
export const cacheFolder = (): string =>
  process.env.FLAXEN_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'flaxen');

/** The wheel's path in `cache`: what is there and whole is used again, anything else is fetched anew. */
export async function fetchWheel(wheel: Wheel, cache: string, say: (line: string) => void): Promise<string> {
  const path = join(cache, wheel.file);
  if (existsSync(path)) {
    if ((await sha256(path)) === wheel.sha256) {
      say(`${wheel.file} is in ${cache}`);
      return path;
    }
    say(`${path} is damaged and will be fetched again`);
    rmSync(path);
  }
  const python = findPython();
  makeFolder(cache);
  // pip has the user's index, proxy and certificates; a folder of its own, so that only whole files carry the final name.
  const partial = scratchFolder(cache, 'partial');
  try {
    needSpace(cache, 2 * wheel.bytes, `the download of ${wheel.name}`); // pip fetches into its temporary folder and copies from there
    const tags = ['--platform', wheel.platform, '--python-version', wheel.python, '--implementation', 'cp', '--abi', `cp${wheel.python}`];
    const args = ['--no-deps', '--only-binary=:all:', '--no-cache-dir', '--disable-pip-version-check', ...tags, '-d', partial];
    run(
      python,
      ['-m', 'pip', 'download', ...args, `${wheel.name}==${wheel.version}`],
      'Check that this machine reaches pypi.org or your mirror of it (pip config list), then run this again: it goes on from here.',
      // pip 25.1 and newer continue a broken download. A /tmp in memory is often too small for the file.
      { env: { ...process.env, PIP_RESUME_RETRIES: process.env.PIP_RESUME_RETRIES ?? '10', TMPDIR: partial } },
    );
    const fetched = join(partial, wheel.file);
    if (!existsSync(fetched)) throw new InstallError(`pip fetched no ${wheel.file}: does your package index carry it?`);
    const found = await sha256(fetched);
    if (found !== wheel.sha256) {
      throw new InstallError(
        `${wheel.file} has the wrong checksum and was thrown away: sha256 ${found}, expected ${wheel.sha256}. Run this again; if it stays, your package index does not serve PyPI's file.`,
      );
    }
    renameSync(fetched, path);
    return path;
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
