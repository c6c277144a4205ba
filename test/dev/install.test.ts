/** The set-up scripts install dependencies when the lock file has changed, but never into a folder that is another checkout's. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { programs, root, temporary } from '../support/command.js';

/** Calls install() in a checkout of its own, with an npm that only says that it was called. */
function installIn(prepare: (modules: string) => void): { folder: string; out: string; status: number | null } {
  const folder = temporary();
  mkdirSync(join(folder, 'scripts'));
  cpSync(join(root, 'scripts/run.mjs'), join(folder, 'scripts/run.mjs'));
  writeFileSync(join(folder, 'package-lock.json'), '{}');
  prepare(join(folder, 'node_modules'));
  const { stdout, status } = spawnSync(
    process.execPath,
    ['--input-type=module', '-e', `process.exit((await import(${JSON.stringify(join(folder, 'scripts/run.mjs'))})).install())`],
    { encoding: 'utf8', env: { ...process.env, PATH: `${programs({ npm: 'echo npm "$@"' })}:${process.env.PATH}` } },
  );
  return { folder, out: stdout, status };
}

describe.skipIf(process.platform === 'win32')('install()', () => {
  it('calls npm ci where the packages are not those of the lock file, and leaves its stamp', () => {
    const { folder, out, status } = installIn((modules) => mkdirSync(modules));
    expect({ out, status }).toEqual({ out: 'npm ci --no-audit --no-fund\n', status: 0 });
    expect(existsSync(join(folder, 'node_modules', '.flaxen-lock'))).toBe(true);
  });

  it('leaves a linked folder as it is', () => {
    const other = temporary();
    writeFileSync(join(other, 'package'), '');
    const { out, status } = installIn((modules) => symlinkSync(other, modules));
    expect({ out, status }).toEqual({ out: `node_modules is a link to ${other}: its packages are taken as they are\n`, status: 0 });
    expect(readdirSync(other)).toEqual(['package']);
  });
});
