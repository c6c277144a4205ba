// Runs when flaxen is installed. Where the package has no binary for this machine it builds one from the package's own sources, with what is
// installed here and nothing from the network; where that fails, the install still succeeds, says what is missing, and flaxen runs on tfjs-node.
// `node install.cjs --build` builds in any case and fails where it cannot.
const { spawnSync } = require('node:child_process');
const { existsSync, rmSync } = require('node:fs');
const { dirname, join, resolve } = require('node:path');

const root = __dirname;
const build = join(root, 'build');

/** Why the addon does not load, or null. A process of its own loads it: a wrong binary may take its process down. */
function obstacle() {
  const child = spawnSync(process.execPath, ['-e', 'require("node-gyp-build")(process.argv[1]).info()', root], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, FLAXEN_ISA: '' },
  });
  if (child.status === 0) return null;
  const lines = (child.stderr ?? '').split('\n');
  return lines.find((line) => /^\S*Error:/.test(line))?.replace(/^\S*Error: /, '') ?? `it stops with ${child.signal ?? child.status}`;
}

/** cmake-js where the project has it. */
function cmakeJs() {
  try {
    return join(dirname(require.resolve('cmake-js/package.json', { paths: [root, process.env.INIT_CWD ?? root] })), 'bin', 'cmake-js');
  } catch {
    return null;
  }
}

/** What builds: cmake-js, else CMake with the variables that cmake-js would set. CMakeLists.txt is the one description. */
function commands() {
  const tool = cmakeJs();
  if (tool !== null) return [[process.execPath, tool, 'compile', '-d', root, '--CDFLAXEN_CUDA=OFF']];
  const { include_dir: headers } = require('node-api-headers');
  const variables = {
    CMAKE_BUILD_TYPE: 'Release',
    CMAKE_JS_INC: `${headers};${resolve(require('node-addon-api').include_dir)}`,
    CMAKE_LIBRARY_OUTPUT_DIRECTORY: join(build, 'Release'),
    FLAXEN_CUDA: 'OFF',
  };
  return [
    ['cmake', '-S', root, '-B', build, ...Object.entries(variables).map(([name, value]) => `-D${name}=${value}`)],
    ['cmake', '--build', build, '--target', 'flaxen', '--parallel'],
  ];
}

/** Builds the addon; returns what went wrong, or null. */
function compile() {
  if (spawnSync('cmake', ['--version'], { stdio: 'ignore' }).status !== 0) return 'CMake 3.20 or newer is not on PATH';
  if (process.platform === 'win32' && cmakeJs() === null) return 'on Windows the build needs cmake-js ("npm install cmake-js")';
  const empty = !existsSync(build);
  for (const [command, ...args] of commands()) {
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
    if (status === 0) continue;
    if (empty) rmSync(build, { recursive: true, force: true }); // half a build would be in the way of the next attempt
    const output = `${stdout}\n${stderr}`;
    if (/CMAKE_CXX_COMPILER|could not find any instance of Visual Studio/i.test(output)) return 'no C++20 compiler was found';
    const line = output.split('\n').find((text) => /\berror\b/i.test(text));
    return `the build failed: ${line?.trim() ?? `status ${status}`}`;
  }
  return obstacle();
}

const forced = process.argv.includes('--build');
const missing = forced ? 'asked for' : obstacle();
if (missing !== null) {
  if (!forced) console.log(`flaxen: no prebuilt addon loads here (${missing}); building it from source`);
  const why = compile();
  if (why === null) console.log('flaxen: built');
  else {
    console.error(`flaxen: the C++ kernels are not there: ${why}.`);
    console.error(
      `flaxen: with CMake and a C++20 compiler (GCC 11, Clang 14, Xcode 15, clang-cl) "node ${join(root, 'install.cjs')}" builds them.`,
    );
    console.error('flaxen: without, it runs on tfjs-node: "npx flaxen install-tfjs-node" installs that.');
    if (forced) process.exitCode = 1;
  }
}
