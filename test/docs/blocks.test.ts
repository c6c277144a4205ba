/**
 * Every code block of the README, of docs/ and of the docstrings' examples: TypeScript is type-checked as a user's strict project would, and run; what a block
 * shows as output is compared (see program.ts); shell commands must name scripts and files that exist. Blocks that are not run say why.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { backendInfo, setBackend } from 'flaxen';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  blocksOfPage,
  brokenLinks,
  isCode,
  lastCells,
  outlineOf,
  pages,
  programsOf,
  root,
  sourceOf,
  type Block,
  type Program,
} from './blocks.js';
import { check, failures, recorder } from './program.js';
import { surfaceOf, type Export } from './surface.js';
import { createProgram, errorsOf } from './typescript.js';

const folder = join(root, 'out', 'docs-test');
// Examples in docstrings do without the line that all of them would begin with.
const PRELUDE =
  'import { Tensor, backendInfo, devices, errors, grad, jit, lax, nn, np, optim, random, setBackend, setDevice, stopGradient, training, tree, ' +
  "valueAndGrad, vjp, vmap } from 'flaxen'; ";

const documents = pages().map((page) => ({ page, blocks: blocksOfPage(page) }));
const library = createProgram(new Map());
const surface = surfaceOf(library);

interface Runnable extends Program {
  readonly source: string;
  readonly path: string;
}
const runnable = (program: Program, index: number, prelude = ''): Runnable => {
  const source = sourceOf(program.blocks, prelude);
  return { ...program, source, path: join(folder, `${program.title.replace(/\W+/g, '-')}-${index}.ts`) };
};
const onPages = documents.flatMap(({ page, blocks }) => programsOf(page, blocks)).map((p, i) => runnable(p, i));
const inDocstrings = surface
  .flatMap(({ name, examples }) => examples.filter(isCode).map((b) => ({ title: name, file: b.file, blocks: [b] })))
  .map((p, i) => runnable(p, i, p.blocks[0]!.code.some((line) => line.startsWith('import ')) ? '' : PRELUDE));
const programs = [...onPages, ...inDocstrings];
const checker = createProgram(new Map(programs.map(({ path, source }) => [path, source])), library);

let temporary: string;
const home = process.cwd();
beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  temporary = mkdtempSync(join(tmpdir(), 'flaxen-docs-'));
  process.chdir(temporary); // for blocks that write files
});
afterAll(() => {
  process.chdir(home);
  rmSync(temporary, { recursive: true });
  rmSync(folder, { recursive: true });
});

/** The text blocks marked `output`, each with the line after which the program printed it. */
function outputsOf({ file, blocks }: Program): { after: number; line: number; text: string }[] {
  const all = documents.find(({ page }) => page === file)?.blocks ?? [];
  return all.flatMap((block, i) => {
    if (!block.words.includes('output')) return [];
    const before = all[i - 1]!;
    return blocks.includes(before) ? [{ after: before.line, line: block.line, text: block.code.join('\n') }] : [];
  });
}

async function run(program: Runnable): Promise<void> {
  expect(errorsOf(checker, program.path), `type errors in ${program.file}`).toEqual([]);
  const { code, expectations } = check(program.source, outputsOf(program));
  writeFileSync(program.path, code);
  const { name } = backendInfo();
  (globalThis as { docs?: unknown }).docs = recorder(expectations);
  try {
    await import(pathToFileURL(program.path).href);
  } finally {
    setBackend(name);
  }
  expect(failures(program.file, expectations)).toEqual([]);
}

describe.each(documents)('$page', ({ page, blocks }) => {
  it('has only blocks that are run, compared, or say why not', () => {
    const known = ['ts', 'js', 'mjs', 'sh', 'diff'];
    const mute = blocks.filter((b) => !known.includes(b.language) && !b.words.includes('output') && !b.noRun);
    expect(mute.map((b) => `${page}:${b.line}: a block in "${b.language}" needs "output" or "no-run: why"`)).toEqual([]);
  });
  for (const program of onPages.filter(({ file }) => file === page)) it(`runs ${program.title}`, () => run(program));
  for (const block of blocks.filter((b) => b.language === 'sh' && b.noRun === null)) {
    it(`names commands that exist, line ${block.line}`, () => {
      expect(block.code.flatMap((line) => commandErrors(line))).toEqual([]);
    });
  }
  for (const block of blocks.filter((b) => b.noRun !== null)) {
    it(`line ${block.line} is not run: ${block.noRun}`, () => expect(block.noRun).not.toBe(''));
  }
});

/** What a table's cells call or name in code, with the type's name for that of an example's variable. */
function namesIn(cell: string): string[] {
  const variables: Record<string, string> = { x: 'Tensor', m: 'nn.Module', model: 'nn.Module', state: 'training.TrainState' };
  const code = [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!.replace(/'[^']*'/g, "''"));
  const called = code.flatMap((text) =>
    /^\.?\w[\w.]*$/.test(text) ? [text] : [...text.matchAll(/\b([a-zA-Z_][\w.]*)\(/g)].map(([, name]) => name!),
  );
  return called.map((name) => name.replace(/^\w+(?=\.)/, (root) => variables[root] ?? root));
}

/** A name of the surface; what a cell names without its namespace, after one that it names with it, is known in any. */
const isKnown = (name: string): boolean => {
  const short = `.${name.replace(/^\./, '')}`;
  return surface.some((e) => e.name === name || (!name.slice(1).includes('.') && e.name.endsWith(short)));
};

describe('between the pages', () => {
  it('every relative link leads to a file, and to a heading where it names one', () => {
    expect(pages().flatMap(brokenLinks)).toEqual([]);
  });
  it('the tables next to other libraries name what flaxen has', () => {
    const names = pages().filter((page) => page.startsWith('docs/from-')).flatMap((page) => lastCells(page, '## Names')).flatMap(namesIn); // prettier-ignore
    expect(names.length).toBeGreaterThan(80);
    expect(names.filter((name) => !isKnown(name))).toEqual([]);
  });
  const translations = documents.filter(({ page }) => page.startsWith('docs/ko/'));
  it.each(translations)('$page has the code, headings, tables and lists of the page that it translates', ({ page, blocks }) => {
    const original = page.replace('docs/ko/', 'docs/');
    const code = (own: readonly Block[]): string[] => own.map((b) => [b.language, ...b.words, ...b.code].join('\n'));
    expect(code(blocks)).toEqual(code(blocksOfPage(original)));
    expect(outlineOf(page)).toEqual(outlineOf(original));
  });
});

const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

/** What is wrong with a command line: an npm script or a file that is not there, or a program that this test does not know. */
function commandErrors(line: string): string[] {
  const [command] = line.split('#') as [string];
  const words = command.split(/\s+/).filter((w) => w !== '' && !/^[A-Z_]+=/.test(w));
  if (words.length === 0) return [];
  const [program, first, second] = words as [string, string?, string?];
  if (program === 'npm' && first === 'run') return scripts[second!] === undefined ? [`there is no npm script ${second}`] : [];
  if (program === 'npm' && (first === 'install' || first === 'ci' || scripts[first!] !== undefined)) return [];
  if (program === 'npx' && first === 'flaxen') return [];
  const file = words.find((w) => /\.(ts|mjs|js|sh)$/.test(w));
  if (['npx', 'node', 'bash'].includes(program) && file !== undefined)
    return existsSync(join(root, file)) ? [] : [`there is no file ${file}`];
  return [
    `"${line}" is no command that this test can check: use npm run, npx or node with a file of the repository, or mark the block no-run`,
  ];
}

describe('the public surface', () => {
  const fullyNamed = (e: { name: string; where: string }): string => `${e.name} (${e.where})`;
  it('has a docstring at every name', () => {
    expect(surface.filter((e) => e.documentation === '').map(fullyNamed)).toEqual([]);
  });
  it('has an example at every function and class', () => {
    const callable = surface.filter((e) => e.kind === 'function' || e.kind === 'class');
    expect(callable.length).toBeGreaterThan(200);
    expect(callable.filter((e) => e.examples.length === 0).map(fullyNamed)).toEqual([]);
  });
  it('has an example at every method, or at its type one that names it', () => {
    const methods = surface.filter((e) => e.kind === 'method');
    expect(methods.length).toBeGreaterThan(80);
    const shownByType = ({ name }: Export): boolean => {
      const [, type, own] = /^(.*)\.(\w+)$/.exec(name) as unknown as [string, string, string];
      const examples = surface.filter((e) => e.name === type).flatMap((e) => e.examples);
      return examples.some(({ code }) => new RegExp(`\\b${own}\\b`).test(code.join('\n')));
    };
    expect(methods.filter((e) => e.examples.length === 0 && !shownByType(e)).map(fullyNamed)).toEqual([]);
  });
  it('says, or shows in an example, a shape or a dtype wherever arrays come out', () => {
    const arrays = surface.filter((e) => e.kind === 'function' && /^(np|lax|random|optim|nn\.initializers)\./.test(e.name));
    expect(arrays.length).toBeGreaterThan(250);
    const says = /\b(float32|u?int32|bool|boolean|dtype|shapes?|scalar|trees?)\b/i;
    const texts = (e: Export): string => [e.documentation, ...e.examples.flatMap(({ code }) => code)].join('\n');
    expect(arrays.filter((e) => !says.test(texts(e))).map(fullyNamed)).toEqual([]);
  });
  it('shows in each example something that is checked', () => {
    const shown = inDocstrings.filter(({ source }) => check(source).expectations.length === 0);
    expect(shown.map(({ title, blocks }) => `${title} (${blocks[0]!.file}:${blocks[0]!.line})`)).toEqual([]);
  });
});

describe('examples in docstrings', () => {
  for (const program of inDocstrings) it(program.title, () => run(program));
});
