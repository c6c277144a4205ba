// npm run build:lib: dist/ from lib/. One CommonJS file holds the library; the ES module passes its exports on, so that a process has one copy
// however it is loaded (Node 20 cannot require an ES module). Bundlers get the same as an ES module of its own, which they can shake.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';
import { root } from './run.mjs';

const dist = join(root, 'dist');
const types = join(dist, 'types');

/** esbuild's options for code that runs in Node; what package.json lists stays outside. */
const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.17',
  packages: 'external',
  sourcemap: true,
  ignoreAnnotations: true, // "sideEffects": false speaks of dist/, where lib's registrations are already in one file
  logLevel: 'warning',
};

async function bundle() {
  const library = { ...common, entryPoints: ['lib/index.ts'] };
  await build({ ...library, format: 'cjs', outfile: 'dist/index.cjs', define: { 'import.meta.url': 'undefined' } }); // it has __filename
  await build({ ...library, format: 'esm', outfile: 'dist/bundler.js' });
  const commands = ['lib/cli/main.ts', 'lib/cli/addon_child.ts', 'lib/cli/tfjs_node/probe_child.ts'];
  await build({ ...common, entryPoints: commands, format: 'esm', outdir: 'dist/cli', entryNames: '[name]' });
  chmodSync(join(dist, 'cli', 'main.js'), 0o755);
  const names = Object.keys(createRequire(import.meta.url)(join(dist, 'index.cjs')));
  writeFileSync(join(dist, 'index.js'), `export { ${names.join(', ')} } from './index.cjs';\n`);
}

/** The declarations, once, as those of a CommonJS module; the ES module's are the same. */
function declare() {
  const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  mkdirSync(join(types, 'typings'));
  cpSync(join(root, 'typings', 'addon.d.ts'), join(types, 'typings', 'addon.d.ts'));
  writeFileSync(join(types, 'package.json'), '{ "type": "commonjs" }\n');
  writeFileSync(join(dist, 'index.d.ts'), `export * from './types/lib/index.js';\n`);

  // Those that the public surface does not name describe nothing that a user can import.
  const named = new Set();
  const visit = (file) => {
    if (named.has(file)) return;
    named.add(file);
    for (const [, path] of readFileSync(file, 'utf8').matchAll(/(?:from|import\(|import)\s*['"](\.[^'"]*)\.js['"]/g)) {
      const source = join(dirname(file), `${path}.d.ts`);
      if (!existsSync(source)) throw new Error(`${relative(root, file)} names ${path}.js, which has no declaration`);
      visit(source);
    }
  };
  visit(join(types, 'lib', 'index.d.ts'));
  for (const entry of readdirSync(types, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && file.endsWith('.d.ts') && !named.has(file)) rmSync(file);
  }
}

rmSync(dist, { recursive: true, force: true });
await bundle();
declare();
