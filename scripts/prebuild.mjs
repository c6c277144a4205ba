// npm run prebuild [TARGET...]: prebuilds/<platform>-<arch>/flaxen.<libc>.node by prebuildify; this machine's own target if none is named.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import prebuildify from 'prebuildify';
import { hostTarget, targets } from './prebuild/targets.mjs';
import { root } from './run.mjs';

const wanted = process.argv.slice(2);
for (const name of wanted.length > 0 ? wanted : [hostTarget()]) {
  const target = targets[name];
  if (target === undefined) throw new Error(`no target "${name}": choose among ${Object.keys(targets).join(', ')}`);
  const cwd = join(root, 'build', 'prebuild', name);
  mkdirSync(cwd, { recursive: true });
  process.env.FLAXEN_PREBUILD_TARGET = name;
  await promisify(prebuildify)({
    name: 'flaxen',
    platform: target.platform,
    arch: target.arch,
    libc: target.libc,
    tagLibc: target.libc !== undefined,
    napi: true,
    targets: ['20.17.0'], // Node-API: one binary for this version and all later ones
    cwd,
    out: root,
    nodeGyp: `"${process.execPath}" "${join(root, 'scripts', 'prebuild', 'node-gyp.mjs')}"`,
    shell: true,
  });
  console.log(`prebuilds/${target.platform}-${target.arch}: ${name}`);
}
