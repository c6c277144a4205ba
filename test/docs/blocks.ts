/** The code blocks of the pages that people read, and of the docstrings' examples. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A fenced block: ```` ```ts name=with-bn ````, ```` ```text output ````, or ```` ```python no-run: why ````. */
export interface Block {
  /** Relative to the repository. */
  readonly file: string;
  /** Of the first line of code, from 1. */
  readonly line: number;
  readonly language: string;
  /** What else the fence says, up to `no-run:`. */
  readonly words: readonly string[];
  /** Why the block is not run; null if it is. */
  readonly noRun: string | null;
  readonly code: readonly string[];
}

/** README, CONTRIBUTING and everything under docs, in order of their names. */
export const pages = (): string[] => [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !name.startsWith('api'))
    .map((name) => `docs/${name}`)
    .sort(),
];

const FENCE = /^(\s*)(`{3,})\s*(\S*)\s*(.*)$/;

/** The fenced blocks among `lines`, the first of which is line `first` of `file`. */
export function blocksOf(file: string, lines: readonly string[], first = 1): Block[] {
  const blocks: Block[] = [];
  for (let i = 0; i < lines.length; i++) {
    const open = FENCE.exec(lines[i]!);
    if (open === null) continue;
    const [, indent, ticks, language, rest] = open as unknown as [string, string, string, string, string];
    const start = i + 1;
    const end = lines.findIndex((line, k) => k >= start && line.trim() === ticks);
    if (end < 0) throw new Error(`${file}:${first + i}: the block does not end`);
    const [words, noRun = null] = rest.split(/no-run:\s*/) as [string, string?];
    const code = lines.slice(start, end).map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line));
    blocks.push({ file, line: first + start, language, words: words.split(/\s+/).filter(Boolean), noRun, code });
    i = end;
  }
  return blocks;
}

export const blocksOfPage = (page: string): Block[] => blocksOf(page, readFileSync(join(root, page), 'utf8').split('\n'));

/** Blocks that make up one module, in order. */
export interface Program {
  /** "README.md", or "docs/from-flax.md (loop)". */
  readonly title: string;
  readonly file: string;
  readonly blocks: readonly Block[];
}

/** True for a block that is TypeScript or JavaScript to run; one with `file=` belongs into that file (contributing.test.ts). */
export const isCode = (block: Block): boolean =>
  ['ts', 'js', 'mjs'].includes(block.language) && block.noRun === null && !block.words.some((w) => w.startsWith('file='));

/**
 * The programs of a page. Blocks with the same `name=` belong together, those with several names (`name=with,without`) to each; of the others, one that imports
 * flaxen starts a program and one that does not goes on with the last.
 */
export function programsOf(page: string, blocks: readonly Block[]): Program[] {
  const programs = new Map<string, Block[]>();
  let current = '';
  for (const block of blocks.filter(isCode)) {
    const names = block.words.find((w) => w.startsWith('name='))?.slice('name='.length).split(','); // prettier-ignore
    if (names === undefined && (current === '' || block.code.some((line) => /^import .* from 'flaxen'/.test(line)))) {
      current = `line ${block.line}`;
    }
    for (const name of names ?? [current]) programs.set(name, [...(programs.get(name) ?? []), block]);
  }
  return [...programs].map(([name, own]) => ({ title: `${page} (${name})`, file: page, blocks: own }));
}

/** The blocks' code on the lines that it has in its file, so that whatever is said of a line is said of the page's. */
export function sourceOf(blocks: readonly Block[], prelude = ''): string {
  const lines: string[] = [];
  for (const { line, code } of blocks) code.forEach((text, i) => (lines[line - 1 + i] = text));
  return `${prelude}${Array.from(lines, (text) => text ?? '').join('\n')}\nexport {};\n`;
}

const anchorOf = (heading: string): string => heading.toLowerCase().replace(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-'); // prettier-ignore
const readPage = (page: string): string => readFileSync(join(root, page), 'utf8');

/** Relative links and images of a page whose file or heading is not there. */
export function brokenLinks(page: string): string[] {
  const text = readPage(page).replace(/```[\s\S]*?```|<!--[\s\S]*?-->/g, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => {
    if (/^[a-z]+:/.test(target!)) return [];
    const [path, heading] = target!.split('#') as [string, string?];
    const file = path === '' ? page : join(dirname(page), path);
    if (!existsSync(join(root, file))) return [`${page}: there is no ${target}`];
    const headings = file.endsWith('.md') ? [...readPage(file).matchAll(/^#+ (.*)$/gm)].map(([, h]) => anchorOf(h!)) : [];
    return heading === undefined || headings.includes(heading) ? [] : [`${page}: there is no heading for ${target}`];
  });
}

/** The last cell of each row of the tables under a heading. */
export const lastCells = (page: string, heading: string): string[] =>
  readPage(page)
    .split(/^(?=#+ )/m)
    .filter((section) => section.startsWith(`${heading}\n`))
    .flatMap((section) => section.split('\n'))
    .flatMap((line) => (line.startsWith('|') ? [line.split('|').at(-2)!] : []));

/** A page's headings by their levels, its tables by their rows and its lists by their items: what a translation keeps. */
export const outlineOf = (page: string): string[] =>
  readPage(page)
    .replace(/```[\s\S]*?```/g, '')
    .split('\n')
    .flatMap((line) => /^(#+|\||-|\d+\.)(?= )/.exec(line)?.[1] ?? []);
