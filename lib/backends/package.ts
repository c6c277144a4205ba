/** flaxen's own folder, and what to do there. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json; lib/backends and dist/backends are equally deep in it. */
export const packageRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..');

export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
}

/** How to get the addon, as a sentence: in a checkout, or where flaxen is installed. */
export function addonMend(): string {
  if (existsSync(join(packageRoot, 'scripts', 'verify.mjs'))) return 'Run "npm run build:native".';
  const folder = relative(process.cwd(), packageRoot) || '.';
  return `Run "npx -y cmake-js@8 compile -d ${folder.startsWith('..') ? packageRoot : folder}", which needs CMake and a C++20 compiler.`;
}
