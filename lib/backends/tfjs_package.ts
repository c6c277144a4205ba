/** Where the package @tensorflow/tfjs-node is and whether its native binding is there. Loads nothing. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { UnavailableError } from '../core/errors.js';
import { packageRoot } from './package.js';

export const TFJS_NODE = '@tensorflow/tfjs-node';
export const TFJS_MEND = 'Run "npx flaxen install-tfjs-node".';

export interface TfjsPackage {
  readonly folder: string;
  readonly version: string;
  /** The native half, which its installer downloads or builds. */
  readonly binding: string;
}

/** The package as `folder` sees it, or null. */
export function findTfjs(folder: string): TfjsPackage | null {
  let manifest: string;
  try {
    manifest = createRequire(join(folder, 'package.json')).resolve(`${TFJS_NODE}/package.json`);
  } catch {
    return null;
  }
  const found = dirname(manifest);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  return { folder: found, version, binding: join(found, 'lib', 'napi-v8', 'tfjs_binding.node') };
}

/** The package with its binding, as flaxen or the running program's folder sees it; throws an UnavailableError without. */
export function locateTfjs(): TfjsPackage {
  const found = findTfjs(packageRoot) ?? findTfjs(process.cwd());
  if (found === null) throw new UnavailableError('tfjs-node is not installed', TFJS_MEND);
  if (!existsSync(found.binding)) throw new UnavailableError('tfjs-node is installed without its native binding', TFJS_MEND);
  return found;
}
