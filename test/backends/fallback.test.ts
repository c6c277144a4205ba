/** The same program, unchanged, with the addon and without: run in copies of flaxen that lack it, or have one that does not load. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BackendInfo } from '../../lib/backends/select.js';
import { copyOfFlaxen, root, runFile, type Outcome } from '../support/command.js';
import { tfjsInstalled } from '../support/installed.js';

interface Printed {
  backend: BackendInfo;
  losses: number[];
}
const MODULES = ['node-gyp-build', 'tsx'];

/** Runs the program against the flaxen in `folder`. */
function program(folder: string, env: Record<string, string> = {}): Outcome & { printed: () => Printed } {
  const file = join(folder, 'program.ts');
  cpSync(join(root, 'test/backends/fallback.child.ts'), file);
  const outcome = runFile(file, [], folder, env);
  return { ...outcome, printed: () => JSON.parse(outcome.out) as Printed };
}

/** A copy of flaxen with these bytes as its addon. */
function withAddon(bytes: Uint8Array, modules: readonly string[]): string {
  const folder = copyOfFlaxen(modules);
  mkdirSync(join(folder, 'build', 'Release'), { recursive: true });
  writeFileSync(join(folder, 'build', 'Release', 'flaxen.node'), bytes);
  return folder;
}

/** What flaxen wrote: TensorFlow greets before it knows of any log level. */
const linesOf = (err: string): string[] => err.split('\n').filter((line) => line !== '' && !/absl::InitializeLog|oneDNN/.test(line));

const addon = (): Buffer => readFileSync(join(root, 'build', 'Release', 'flaxen.node'));

/** The addon as if built for another kind of processor: ELF keeps that in bytes 18 and 19. */
function foreignAddon(): Uint8Array {
  const bytes = addon();
  bytes.writeUInt16LE(bytes.readUInt16LE(18) === 183 ? 62 : 183, 18);
  return bytes;
}

describe.skipIf(!tfjsInstalled)(`without the addon the program runs on tfjs-node${tfjsInstalled ? '' : ' (which is absent here)'}`, () => {
  const modules = [...MODULES, '@tensorflow/tfjs-node'];
  const expected = (): number[] => program(withAddon(addon(), MODULES), { FLAXEN_BACKEND: 'cpu' }).printed().losses;

  it.each([
    ['is not there', () => copyOfFlaxen(modules), /^the addon is not built$/],
    ['is no library', () => withAddon(Buffer.from('not a library'), modules), /^the addon does not load: ./],
    ['is for another processor', () => withAddon(foreignAddon(), modules), /^the addon does not load: ./],
    [
      'was cut short',
      () => withAddon(addon().subarray(0, 500_000), modules),
      process.platform === 'linux' ? /^the addon is damaged: ./ : /^the addon does not load: ./,
    ],
  ])('when it %s, and says so once', (_, make, why) => {
    const { status, err, printed } = program(make());
    const lines = linesOf(err);
    expect(lines).toHaveLength(1);
    const [, reason] = /^flaxen: the C\+\+ kernels cannot run \((.*)\), so "tfjs" does\. Run "node .*install\.cjs"/.exec(lines[0]!)!;
    expect(reason).toMatch(why);
    const { backend, losses } = printed();
    expect(backend.name).toBe('tfjs');
    expect(backend.backends.find(({ name }) => name === 'cpu')).toMatchObject({
      available: false,
      why: expect.stringMatching(why) as string,
    });
    expect(status).toBe(0);
    const cpu = expected();
    losses.forEach((loss, i) => expect(Math.abs(loss - cpu[i]!)).toBeLessThan(1e-4));
    expect(losses.at(-1)!).toBeLessThan(losses[0]!);
  });

  it('and nothing is said when tfjs was asked for', () => {
    const { err, printed } = program(copyOfFlaxen(modules), { FLAXEN_BACKEND: 'tfjs' });
    expect(linesOf(err)).toEqual([]);
    expect(printed().backend).toMatchObject({ name: 'tfjs', reason: 'FLAXEN_BACKEND=tfjs' });
  });

  it('but not when cpu was asked for', () => {
    const { status, err } = program(copyOfFlaxen(modules), { FLAXEN_BACKEND: 'cpu' });
    expect(err).toMatch(/UnavailableError: the addon is not built\. Run "node .*install\.cjs"/);
    expect(status).toBe(1);
  });
});

it('with neither, the error names both ways out', () => {
  const { status, err } = program(copyOfFlaxen(MODULES));
  expect(err).toContain('BackendError: no backend can run here; one of these mends it:');
  expect(err).toMatch(/cpu: the addon is not built\. Run "node install\.cjs"/);
  expect(err).toMatch(/tfjs: tfjs-node is not installed\. Run "npx flaxen install-tfjs-node"/);
  expect(status).toBe(1);
});

describe('without tfjs-node', () => {
  it('a primitive that the C++ kernels lack is an error that names it and the mend, and the process goes on', () => {
    const folder = withAddon(addon(), MODULES);
    const file = join(folder, 'pooling.ts');
    writeFileSync(
      file,
      `import { errors, nn, np } from 'flaxen';
      try {
        nn.maxPool(np.ones([1, 4, 4, 1]), [2, 2]);
      } catch (error) {
        console.log(error instanceof errors.BackendError, (error as Error).message);
      }
      console.log(np.ones([2]).add(1).toArray());`,
    );
    const { out } = runFile(file, [], folder, { FLAXEN_BACKEND: 'cpu' });
    expect(out).toContain(
      'true the primitive "maxPool" has no C++ kernel and runs through tfjs-node, but tfjs-node is not installed. Run "npx flaxen install-tfjs-node".',
    );
    expect(out).toContain('[ 2, 2 ]');
  });
});
