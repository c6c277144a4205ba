/** The packed package: what is in it, how it installs, and how its programs start. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, type Format } from 'esbuild';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { describe, expect, inject, test } from 'vitest';
import { nodeOf } from '../../scripts/nodes.mjs';
import { install, ofRepository, root, runNode, translated, type Ran } from './install.js';

const installed = inject('installed');
const { project, packed, tarball } = installed;
const flaxen = join(project, 'node_modules', 'flaxen');
const source = readFileSync(join(root, 'test', 'package', 'program.ts'), 'utf8');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object };

/** Puts a file into the project and returns its path. */
function put(name: string, text: string): string {
  const file = join(project, name);
  writeFileSync(file, text);
  return file;
}
const esm = put('program.mjs', translated(source, 'esm'));
const cjs = put('program.cjs', translated(source, 'cjs'));

/** The program ran on the C++ kernels, and learned. */
function expectTrained({ status, out, err }: Ran, backend = 'cpu'): void {
  expect(err).toBe('');
  const said = JSON.parse(out) as { backend: string; shapes: object; first: number; last: number };
  expect(said.backend).toBe(backend);
  expect(said.shapes).toMatchObject({ params: { Dense_0: { kernel: [3, 4] } }, batch_stats: { BatchNorm_0: { mean: [4] } } });
  expect(said.last).toBeLessThan(said.first / 2);
  expect(status).toBe(0);
}

describe('what is packed', () => {
  test('each file has its reason', () => {
    const expected = [
      /^(LICENSE|README\.md|CHANGELOG\.md|package\.json|install\.cjs|CMakeLists\.txt|binding\.gyp)$/,
      /^dist\/(index\.(js|cjs|cjs\.map|d\.ts)|bundler\.js(\.map)?)$/,
      /^dist\/cli\/(main|addon_child|probe_child)\.js(\.map)?$/,
      /^dist\/types\/(package\.json|(lib|typings)\/[\w/]+\.d\.ts)$/,
      /^prebuilds\/\w+-\w+\/flaxen(\.glibc|\.musl)?\.node$/,
      /^native\/(?!test\/)[\w/]+\.(cc|h|cu|cuh|cmake)$/,
      /^native\/cuda\/CMakeLists\.txt$/,
    ];
    expect(packed.files.map((f) => f.path).filter((path) => !expected.some((pattern) => pattern.test(path)))).toEqual([]);
    for (const needed of ['LICENSE', 'README.md', 'CHANGELOG.md', 'install.cjs', 'dist/index.cjs', 'native/addon_env.cc']) {
      expect(packed.files.map((f) => f.path)).toContain(needed);
    }
  });

  test('under 5 MB', () => {
    console.log(`packed ${(packed.size / 1e6).toFixed(2)} MB, unpacked ${(packed.unpackedSize / 1e6).toFixed(2)} MB`);
    expect(packed.size).toBeLessThan(5e6);
  });

  test('publint finds nothing', async () => {
    const { messages, pkg } = await publint({ pkgDir: flaxen, pack: false, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  test('arethetypeswrong finds nothing', () => {
    const attw = join(root, 'node_modules', '@arethetypeswrong', 'cli', 'dist', 'index.js');
    const { status, out, err } = runNode(root, [attw, tarball, '--no-color', '--no-emoji', '--format', 'table-flipped']);
    expect(out + err).toContain('No problems found');
    expect(status).toBe(0);
  });

  test('source maps lead to lib/', () => {
    const file = put('mapped.cjs', `const { np } = require('flaxen'); np.add(np.ones([2]), np.ones([3]));`);
    expect(runNode(project, ['--enable-source-maps', file]).err).toMatch(/at broadcastShapes \(.*lib\/core\/aval\.ts:\d+:\d+\)/);
  });

  test('importing it does nothing but define', () => {
    const file = put(
      'effects.mjs',
      `const before = [Object.keys(globalThis), { ...process.env }, process.eventNames()];
       await import('flaxen');
       const after = [Object.keys(globalThis), { ...process.env }, process.eventNames()];
       const addons = process.report.getReport().sharedObjects.filter((path) => path.endsWith('.node'));
       console.log(JSON.stringify(before) === JSON.stringify(after), addons.length);`,
    );
    expect(runNode(project, [file]).out).toBe('true 0\n');
  });
});

describe('installed without a compiler and without network', () => {
  test('nothing is built, and the program runs within 20 seconds', () => {
    const started = performance.now();
    expectTrained(runNode(project, [esm]));
    const seconds = installed.seconds + (performance.now() - started) / 1000;
    console.log(
      `install and first program ${seconds.toFixed(1)} s${installed.isolated ? '' : ' (unshare is not permitted: npm was told to stay offline)'}`,
    );
    expect(existsSync(join(flaxen, 'build'))).toBe(false);
    expect(installed.output).not.toContain('building');
    expect(seconds).toBeLessThan(20);
  });

  test('three dependencies and no more', () => {
    const lock = JSON.parse(readFileSync(join(project, 'node_modules', '.package-lock.json'), 'utf8')) as { packages: object };
    const names = Object.keys(lock.packages).map((path) => path.replace('node_modules/', ''));
    expect(names.sort()).toEqual(['flaxen', ...Object.keys(manifest.dependencies)].sort());
  });

  test.each([20, 22, 24, 26])('ES module and CommonJS on Node %i', (major) => {
    const node = nodeOf(major);
    expect(runNode(project, ['--version'], { node }).out).toMatch(new RegExp(`^v${major}\\.`));
    expectTrained(runNode(project, [esm], { node }));
    expectTrained(runNode(project, [cjs], { node }));
  });

  test.each([
    ['ES module', 'typed.mts', 'typed.mjs'],
    ['CommonJS', 'typed.cts', 'typed.cjs'],
  ])('TypeScript, %s', (_, name, made) => {
    put(name, source);
    put(
      'tsconfig.json',
      JSON.stringify({ compilerOptions: { module: 'NodeNext', target: 'ES2022', strict: true, types: [] }, files: [name] }),
    );
    const { out, err } = runNode(project, [ofRepository('typescript/bin/tsc'), '-p', '.']); // with the library's own declarations checked
    expect(out + err).toBe('');
    expectTrained(runNode(project, [made]));
  });

  test('in a worker thread', () => {
    const file = put(
      'worker.cjs',
      `const { Worker } = require('node:worker_threads');
       require('flaxen').np.ones([2]).sum().item();
       new Worker(require.resolve('./program.mjs')).on('error', (error) => { throw error; });`,
    );
    expectTrained(runNode(project, [file]));
  });
});

describe('one process', () => {
  test('ES module and CommonJS are one library', () => {
    const file = put(
      'both.mjs',
      `import { createRequire } from 'node:module';
       import * as a from 'flaxen';
       const b = createRequire(import.meta.url)('flaxen');
       console.log(Object.keys(a).join() === Object.keys(b).sort().join(), Object.keys(a).every((name) => a[name] === b[name]));
       console.log(a.np.add(b.np.ones([2]), 1) instanceof b.Tensor);`,
    );
    expect(runNode(project, [file]).out).toBe('true true\ntrue\n');
  });

  test('two copies of the package do not disturb each other', () => {
    const second = join(installed.folder, 'second');
    if (!existsSync(second)) cpSync(project, second, { recursive: true });
    const file = put(
      'copies.cjs',
      `const a = require('flaxen'), b = require(${JSON.stringify(join(second, 'node_modules', 'flaxen'))});
       const step = (f) => f.jit((x) => f.np.tanh(x.matmul(x)).sum());
       const [x, y] = [a.np.ones([8, 8]), b.np.ones([8, 8])];
       const [f, g] = [step(a), step(b)];
       for (let i = 0; i < 100; i++) if (f(x).item() !== g(y).item()) throw new Error('they differ');
       console.log(a === b, process.report.getReport().sharedObjects.filter((path) => path.endsWith('.node')).length);`,
    );
    const { out, err } = runNode(project, [file]);
    expect(err).toBe('');
    expect(out).toBe('false 2\n');
  });
});

describe('under the permission model', () => {
  const permission = Number(process.versions.node.split('.')[0]) < 23 ? '--experimental-permission' : '--permission';
  const run = (...more: string[]): Ran => runNode(project, ['--no-warnings', permission, `--allow-fs-read=${project}`, ...more, esm]);
  const alpine = '--allow-fs-read=/etc/alpine-release'; // node-gyp-build tells musl by it

  test('with addons allowed it runs', () => expectTrained(run('--allow-addons', alpine)));

  test('else it names the options that are missing', () => {
    const { status, err } = run(alpine);
    expect(err).toMatch(/Node's permission model forbids the addon. Start Node with --allow-addons\./);
    expect(status).toBe(1);
    expect(run().err).toContain(alpine);
  });
});

describe('bundled by esbuild, with the addon outside', () => {
  test.each<[Format, string]>([
    ['cjs', 'bundle.cjs'],
    ['esm', 'bundle.mjs'],
  ])('as %s', async (format, name) => {
    const outfile = join(project, name);
    await build({ entryPoints: [esm], bundle: true, platform: 'node', format, outfile, logLevel: 'warning' });
    expect(statSync(outfile).size).toBeGreaterThan(100_000);
    expectTrained(runNode(project, [outfile]));
  });
});

describe('where no prebuilt binary fits', () => {
  test('the install succeeds, and says in three lines what is missing', () => {
    const folder = join(installed.folder, 'bare');
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder);
    spawnSync('tar', ['xzf', tarball, '-C', folder]);
    rmSync(join(folder, 'package', 'prebuilds'), { recursive: true });
    const other = join(folder, 'flaxen.tgz');
    spawnSync('tar', ['czf', other, '-C', folder, 'package']);
    const { output, project: poor } = install(installed.folder, 'poor', other);
    const lines = output.split('\n').filter((line) => line.startsWith('flaxen: '));
    expect(lines[0]).toMatch(
      /^flaxen: no prebuilt addon loads here \(No native build was found for platform=.*\); building it from source$/,
    );
    expect(lines.slice(1)).toHaveLength(3);
    expect(lines[1]).toMatch(/the C\+\+ kernels are not there: CMake/);
    expect(lines[2]).toMatch(/with CMake and a C\+\+20 compiler .* builds them/);
    expect(lines[3]).toMatch(/install-tfjs-node/);

    // On tfjs-node it runs; the repository's own copy stands in for an installed one.
    const tfjs = join(root, 'node_modules', '@tensorflow');
    if (!existsSync(join(tfjs, 'tfjs-node', 'lib', 'napi-v8', 'tfjs_binding.node')))
      throw new Error('this check needs tfjs-node: npx flaxen install-tfjs-node');
    symlinkSync(tfjs, join(poor, 'node_modules', '@tensorflow'));
    writeFileSync(join(poor, 'program.mjs'), translated(source, 'esm'));
    const ran = runNode(poor, ['program.mjs']);
    expect(ran.err).toMatch(/^flaxen: the C\+\+ kernels cannot run \(the addon is not built\), so "tfjs" does\./m); // among TensorFlow's own lines
    expectTrained({ ...ran, err: '' }, 'tfjs');
  });
});

describe('the binary for Linux with glibc', () => {
  test.runIf(process.platform === 'linux')('needs no glibc newer than 2.28, and no libstdc++', () => {
    const binary = readFileSync(join(flaxen, 'prebuilds', `linux-${process.arch}`, 'flaxen.glibc.node'), 'latin1');
    const versions = [...binary.matchAll(/GLIBC_(\d+)\.(\d+)/g)].map(([, major, minor]) => Number(major) * 1000 + Number(minor));
    expect(versions.length).toBeGreaterThan(0);
    expect(Math.max(...versions)).toBeLessThanOrEqual(2028);
    expect(binary).not.toMatch(/libstdc\+\+\.so|GLIBCXX_/);
  });
});
