/** flaxen's own folder, and what to do there. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

/** Loads what is no ES module. What is bundled as CommonJS has no import.meta.url; a worker made from a string has a `__filename` that is no file. */
export const load = createRequire(typeof import.meta.url === 'string' ? import.meta.url : __filename);

/** The folder of package.json, by the package's own name: so it is found from lib/, from dist/, and from a program that was bundled. */
export const packageRoot = ownFolder();

function ownFolder(): string {
  try {
    return dirname(load.resolve('flaxen/package.json'));
  } catch {
    return process.cwd(); // bundled and moved away from node_modules: the addon will not be found, which loadAddon says
  }
}

export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
}

/** How to get the addon, as a sentence: in a checkout, or where flaxen is installed. */
export function addonMend(): string {
  if (existsSync(join(packageRoot, 'scripts', 'verify.mjs'))) return 'Run "npm run build:native".';
  const folder = relative(process.cwd(), packageRoot) || '.';
  return `Run "node ${join(folder.startsWith('..') ? packageRoot : folder, 'install.cjs')}", which needs CMake and a C++20 compiler.`;
}

/** What `node --permission` must be told, so that the addon loads; null where `error`, of loading it, has another cause. */
export function permissionNeeded(error: NodeJS.ErrnoException & { resource?: string }): string | null {
  if (error.code === 'ERR_DLOPEN_DISABLED') return '--allow-addons';
  if (error.code === 'ERR_ACCESS_DENIED') return `--allow-addons --allow-fs-read=${packageRoot} --allow-fs-read=${error.resource}`;
  return null;
}
