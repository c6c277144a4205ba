// Formats the native sources with the pinned clang-format, or with --check tells which are not formatted.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { root } from './run.mjs';

const files = readdirSync(join(root, 'native'), { recursive: true })
  .map(String)
  .filter((name) => /\.(cc|h|cu|cuh)$/.test(name))
  .map((name) => join('native', name));
const binary = createRequire(import.meta.url).resolve('clang-format/index.js');
const mode = process.argv.includes('--check') ? ['--dry-run', '-Werror'] : ['-i'];
const { status } = spawnSync(process.execPath, [binary, ...mode, ...files], { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);
