/** `flaxen install-tfjs-node`: every stage looks whether its work is done, so that a run continues where the last one stopped. */
import { existsSync } from 'node:fs';
import { findTfjs, type TfjsPackage } from '../../backends/tfjs_package.js';
import { compileBinding } from './binding.js';
import { ownInstaller, unreachable } from './own_way.js';
import { findProject, installPackage, TFJS_VERSION } from './package.js';
import { probe } from './probe.js';
import { InstallError } from './problem.js';
import { findCompiler, findPython } from './tools.js';
import { unpack } from './unpack.js';
import { cacheFolder, fetchWheel, glibc, wheelFor } from './wheel.js';

export interface InstallOptions {
  /** Where to look for the project. */
  readonly folder: string;
  /** Leaves tfjs-node's own installer out. */
  readonly fromWheel: boolean;
  readonly say: (line: string) => void;
}

/** Makes tfjs-node run in the project; throws an InstallError that says what is missing. */
export async function installTfjsNode({ folder, fromWheel, say }: InstallOptions): Promise<void> {
  const project = findProject(folder);
  const before = findTfjs(project);
  if (before !== null && running(before, say, 'is there already')) return;

  const there = timed(say, 'the package', () => installPackage(project));
  if (there.version !== TFJS_VERSION) say(`  it is ${there.version}, which the project asks for; flaxen is tested with ${TFJS_VERSION}`);
  if (!fromWheel) {
    const obstacle = await unreachable();
    if (obstacle === null) {
      timed(say, "the package's own installer", () => ownInstaller(there));
      if (running(there, say, 'is installed')) return;
      say('that gave nothing that runs');
    } else {
      say(`the package's own installer is left out: ${obstacle}`);
    }
  }

  const wheel = wheelFor(process.platform, process.arch, glibc());
  say(`building against TensorFlow ${wheel.version} from the Python package ${wheel.name}`);
  findCompiler(); // before the long download
  findPython();
  const path = await timed(say, `the wheel (${Math.round(wheel.bytes / 1e6)} MB, kept in ${cacheFolder()})`, () =>
    fetchWheel(wheel, cacheFolder(), say),
  );
  timed(say, 'unpacking', () => unpack(path, wheel, there.folder, say));
  timed(say, 'compiling the binding', () => compileBinding(there));
  if (!running(there, say, 'is installed')) {
    throw new InstallError(`tfjs-node was built in ${there.folder} but does not run: ${probe(there).why}`);
  }
}

function running(tfjs: TfjsPackage, say: (line: string) => void, how: string): boolean {
  if (!existsSync(tfjs.binding)) return false;
  const { tensorflow } = probe(tfjs);
  if (tensorflow) say(`✓ tfjs-node ${tfjs.version} with TensorFlow ${tensorflow} ${how}: ${tfjs.folder}`);
  return tensorflow !== null;
}

/** Says what is being done, and how long it took. */
function timed<T>(say: (line: string) => void, what: string, work: () => T): T {
  say(`· ${what}`);
  const started = Date.now();
  const done = <R>(result: R): R => {
    say(`  ${((Date.now() - started) / 1000).toFixed(1)} s`);
    return result;
  };
  const result = work();
  return result instanceof Promise ? (result.then(done) as T) : done(result);
}
