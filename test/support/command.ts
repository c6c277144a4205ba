/** What the tests of the command line share: folders that vanish, stand-ins for programs, and the command in a process of its own. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';

export const root = fileURLToPath(new URL('../..', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** A new folder that goes with the test. */
export function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'flaxen-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder of programs, each a shell script. */
export function programs(scripts: Readonly<Record<string, string>>): string {
  const folder = temporary();
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  }
  return folder;
}

/** flaxen's sources in a folder of their own, without the addon; `modules` are the packages that it finds. */
export function copyOfFlaxen(modules: readonly string[]): string {
  const folder = temporary();
  for (const part of ['lib', 'typings', 'package.json', 'tsconfig.json']) cpSync(join(root, part), join(folder, part), { recursive: true });
  for (const name of modules) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link);
  }
  return folder;
}

export interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a TypeScript file in a child process. `undefined` takes a variable out of its environment. */
export function runFile(file: string, args: readonly string[], cwd: string, env: Record<string, string | undefined> = {}): Outcome {
  const all: NodeJS.ProcessEnv = { ...process.env, FLAXEN_BACKEND: undefined, NODE_OPTIONS: undefined, ...env };
  for (const name of Object.keys(all)) if (all[name] === undefined) delete all[name];
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', tsx, file, ...args], { cwd, encoding: 'utf8', env: all });
  return { status, out: stdout, err: stderr };
}

/** The `flaxen` command of the package in `of`. */
export const flaxen = (args: readonly string[], cwd: string, env: Record<string, string | undefined> = {}, of = root): Outcome =>
  runFile(join(of, 'lib', 'cli', 'main.ts'), args, cwd, env);
