/** The loop of `npm run dev`, with small commands in place of builds: it reacts, survives failures, ends what it started. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const scripts = join(import.meta.dirname, '..', '..', 'scripts', 'dev');

describe('the loop', () => {
  let folder: string;
  let child: ChildProcess;
  let printed = '';
  const until = async (text: string | RegExp, from = 0): Promise<void> => {
    const found = (): boolean => (typeof text === 'string' ? printed.slice(from).includes(text) : text.test(printed.slice(from)));
    for (let i = 0; i < 200 && !found(); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    if (!found()) throw new Error(`never printed ${text}, but:\n${printed.slice(from)}`);
  };
  const save = (name: string, text: string): number => {
    const before = printed.length;
    writeFileSync(join(folder, 'lib', name), text);
    return before;
  };
  const isAlive = (pid: number): boolean => {
    try {
      process.kill(pid, 0);
      return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8')); // a zombie has ended
    } catch {
      return false;
    }
  };

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'flaxen-dev-'));
    mkdirSync(join(folder, 'lib'));
    printed = '';
    // A saved file is run as a program.
    writeFileSync(
      join(folder, 'dev.mjs'),
      `import { loop } from ${JSON.stringify(pathToFileURL(join(scripts, 'loop.mjs')).href)};
       const run = (file) => ['run ' + file, process.execPath, [file]];
       await loop({ root: ${JSON.stringify(folder)}, folders: ['lib'], pattern: /\\.mjs$/, first: [['start', process.execPath, ['-e', '']]], commandsFor: (files) => files.map(run) });`,
    );
    child = spawn(process.execPath, [join(folder, 'dev.mjs')], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (text: Buffer) => (printed += text.toString()));
    await until('waiting for changes');
  });
  afterEach(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  it('runs what a file asks for, shows a failure, and tries the file again after the next change', async () => {
    await until('waiting', save('a.mjs', 'console.log("fine")'));
    expect(printed).toMatch(/changed: lib\/a\.mjs\s+── run lib\/a\.mjs\s+fine\s+── run lib\/a\.mjs: done/);
    const failing = save('a.mjs', 'throw new Error("broken")');
    await until('waiting', failing);
    expect(printed.slice(failing)).toMatch(/Error: broken[\s\S]*failed \(status 1\)/);
    const both = save('b.mjs', 'console.log("b runs")');
    await until('waiting', both);
    expect(printed.slice(both)).toMatch(/changed: lib\/a\.mjs lib\/b\.mjs/);
    const mended = save('a.mjs', 'console.log("mended")');
    await until(/mended[\s\S]*b runs[\s\S]*waiting/, mended);
  });

  it('a change ends the command that runs, and all that it started, before it begins anew', async () => {
    const slow = save(
      'a.mjs',
      `import { spawn } from 'node:child_process';
       const own = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { stdio: 'ignore' });
       console.log('grandchild', own.pid);
       setTimeout(() => {}, 60000);`,
    );
    await until(/grandchild \d+/, slow);
    const grandchild = Number(/grandchild (\d+)/.exec(printed)![1]);
    expect(isAlive(grandchild)).toBe(true);
    const next = save('a.mjs', `console.log('anew')`);
    await until(/anew[\s\S]*waiting/, next);
    expect(isAlive(grandchild)).toBe(false);
  });

  it('Ctrl-C ends it and what it started, the stubborn too', async () => {
    const slow = save('a.mjs', `process.on('SIGTERM', () => {}); console.log('stubborn', process.pid); setInterval(() => {}, 1000);`);
    await until(/stubborn \d+/, slow);
    const stubborn = Number(/stubborn (\d+)/.exec(printed)![1]);
    const ended = new Promise((resolve) => child.on('close', resolve));
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect(printed).toContain('── ended');
    expect(isAlive(stubborn)).toBe(false);
  });
});

describe('what a changed file asks for', () => {
  type Command = readonly [title: string, program: string, args: readonly string[]];
  const titles = async (files: readonly string[], chosen?: readonly string[]): Promise<string[]> => {
    const { commandsFor } = (await import(pathToFileURL(join(scripts, 'commands.mjs')).href)) as {
      commandsFor: (files: readonly string[], chosen?: readonly string[]) => Command[];
    };
    return commandsFor(files, chosen).map(([title, program, args]) => (program === 'npx' || program === 'ctest' ? args.join(' ') : title));
  };
  const types = expect.stringMatching(/^tsc --noEmit/) as string;

  it('a file of the library: types, and the tests of its folder', async () => {
    expect(await titles(['lib/nn/linear.ts'])).toEqual(['build native/', types, 'vitest run test/nn/']);
    expect(await titles(['lib/errors.ts'])).toEqual(['build native/', types, 'vitest run test/core/']);
  });
  it('a kernel: the C++ tests of its name, and those of the addon', async () => {
    const [, ctest, tests] = await titles(['native/cpu/gemm_pack.cc']);
    expect(ctest).toMatch(/-LE cuda -R \^\(gemm\)$/);
    expect(tests).toBe('vitest run test/native/');
    expect((await titles(['native/runtime/buffer.cc']))[1]).toMatch(/-LE cuda$/);
  });
  it('a test: itself; what tests share: those that import it', async () => {
    expect((await titles(['test/nn/rng.test.ts'])).at(-1)).toBe('vitest run test/nn/rng.test.ts');
    expect((await titles(['test/nn/models.ts'])).at(-1)).toBe('vitest run test/nn/');
    expect((await titles(['test/support/golden.ts'])).at(-1)).toBe('vitest related --run test/support/golden.ts');
  });
  it('tests that were chosen run in place of its own', async () => {
    expect((await titles(['lib/nn/linear.ts'], ['test/optim'])).at(-1)).toBe('vitest run test/optim');
  });
});
