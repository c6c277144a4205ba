// What is prebuilt, by node-gyp-build's names. Zig builds the Linux ones from any machine, the machine's own compiler the others.

/** The oldest glibc that the Linux binaries run on: that of Node 20's own builds. */
export const GLIBC = '2.28';

export const targets = {
  'linux-x64-glibc': { platform: 'linux', arch: 'x64', libc: 'glibc', zig: `x86_64-linux-gnu.${GLIBC}`, processor: 'x86_64' },
  'linux-x64-musl': { platform: 'linux', arch: 'x64', libc: 'musl', zig: 'x86_64-linux-musl', processor: 'x86_64' },
  'linux-arm64-glibc': { platform: 'linux', arch: 'arm64', libc: 'glibc', zig: `aarch64-linux-gnu.${GLIBC}`, processor: 'aarch64' },
  'linux-arm64-musl': { platform: 'linux', arch: 'arm64', libc: 'musl', zig: 'aarch64-linux-musl', processor: 'aarch64' },
  'darwin-x64': { platform: 'darwin', arch: 'x64' },
  'darwin-arm64': { platform: 'darwin', arch: 'arm64' },
  'win32-x64': { platform: 'win32', arch: 'x64' },
};

/** The target that programs on this machine load. */
export function hostTarget() {
  const { platform, arch } = process;
  if (platform !== 'linux') return `${platform}-${arch}`;
  return `${platform}-${arch}-${process.report.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl'}`;
}
