/** Packs flaxen and installs the tarball, once for all checks of the package. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { install, type Installed } from './install.js';

declare module 'vitest' {
  interface ProvidedContext {
    installed: Installed;
  }
}

const root = join(import.meta.dirname, '..', '..');

export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'flaxen-package-'));
  const pack = spawnSync('npm', ['pack', '--json', '--pack-destination', folder], { cwd: root, encoding: 'utf8' });
  if (pack.status !== 0) throw new Error(`npm pack failed: ${pack.stderr}`);
  const [packed] = JSON.parse(pack.stdout.slice(pack.stdout.indexOf('['))) as [Installed['packed']];
  const tarball = join(folder, packed.filename);

  // Once with the network, which fills a cache of its own with the dependencies: what a user downloads.
  const cache = join(folder, 'cache');
  const first = join(folder, 'download');
  mkdirSync(first);
  writeFileSync(join(first, 'package.json'), '{ "private": true }\n');
  const download = spawnSync('npm', ['install', '--cache', cache, '--ignore-scripts', '--no-audit', '--no-fund', tarball], {
    cwd: first,
    encoding: 'utf8',
  });
  if (download.status !== 0) throw new Error(`npm install failed: ${download.stderr}`);

  project.provide('installed', { folder, tarball, packed, ...install(folder, 'project', tarball) });
  return () => rmSync(folder, { recursive: true, force: true });
}
