/** tfjs-node's own installer: it downloads the library and a binding from a host that not every machine reaches. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import type { TfjsPackage } from '../../backends/tfjs_package.js';

const HOST = 'https://storage.googleapis.com/';
const PROBE_MS = 5_000;
const LIMIT_MS = 15 * 60_000;

/** Settings that point the installer elsewhere; who made them knows better than a probe of its default host. */
const REDIRECTS = ['TFJS_NODE_CDN_STORAGE', 'TFJS_NODE_BASE_URI', 'CDN_STORAGE', 'HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'];

/** Null where its host answers, else why not: the installer itself would wait for a silent host for minutes. */
export async function unreachable(host = HOST, limit = PROBE_MS): Promise<string | null> {
  if (REDIRECTS.some((name) => process.env[name] || process.env[`npm_config_${name}`])) return null;
  try {
    await fetch(host, { method: 'HEAD', signal: AbortSignal.timeout(limit) }); // any answer is an answer
    return null;
  } catch (error) {
    const { name, cause } = error as Error & { cause?: NodeJS.ErrnoException };
    const why = name === 'TimeoutError' ? `no answer in ${limit / 1000} s` : (cause?.code ?? (error as Error).message);
    return `${new URL(host).hostname} cannot be reached (${why})`;
  }
}

/** Runs it; whether it gave something that works, the caller sees. */
export function ownInstaller({ folder }: TfjsPackage): void {
  const manifest = join(folder, 'package.json');
  const before = readFileSync(manifest); // the installer edits it, and leaves it edited when it fails
  const preGyp = createRequire(manifest).resolve('@mapbox/node-pre-gyp/package.json');
  const bin = join(dirname(preGyp), '..', '..', '.bin');
  const PATH = [existsSync(bin) ? bin : join(dirname(preGyp), 'bin'), process.env.PATH ?? ''].join(delimiter);
  spawnSync(process.execPath, ['scripts/install.js'], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH },
    timeout: LIMIT_MS,
  });
  writeFileSync(manifest, before);
}
